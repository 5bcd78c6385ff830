import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/** The newest of the messages that wait on a port, without the event loop; `undefined` when none does. The others are dropped. */
export function receiveNewest<T>(port: MessagePort): T | undefined {
  let newest: T | undefined;
  for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port)) newest = received.message as T;
  return newest;
}
