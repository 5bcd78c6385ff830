// A program for tests: connects to the abstract socket of this name, and waits until it is closed.

import { Socket } from 'node:net';
import { connectAbstract } from '../abstract-socket.js';

new Socket({ fd: connectAbstract(process.argv[2]!), readable: true, writable: true }).resume();
