import type { PacketSource } from '@nfqlb/core';
import type { CaptureBatch } from './capture.js';

/** The packets of a capture, as they are in it or in another order. */
export interface PacketStream extends PacketSource {
  readonly batch: CaptureBatch;
}
