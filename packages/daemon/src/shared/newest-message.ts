import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/** Returns the newest message waiting on a port, without the event loop, and drops older ones; `undefined` if there is none. */
export function receiveNewest<T>(port: MessagePort): T | undefined {
  let newest: T | undefined;
  for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port)) newest = received.message as T;
  return newest;
}
