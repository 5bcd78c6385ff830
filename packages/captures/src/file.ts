// Captures in files. Apart from the rest, which needs no module of Node and runs in a browser.

import { Capture, type CaptureOptions } from './capture.js';
import { openFileSource } from './file-source.js';

/**
 * Opens a capture file and reads its beginning.
 *
 * @param path a file, or `-` for standard input
 * @throws CaptureError
 */
export async function openCapture(path: string, options: CaptureOptions = {}): Promise<Capture> {
  return await Capture.open(openFileSource(path), options);
}
