// Changes rules and routes in a separate thread (set-up-keeper.ts), one request after the other.

import { parentPort } from 'node:worker_threads';
import { describeFailure } from '@nfqlb/options';
import { SetupError } from '../setup-error.js';
import { KeptSetUp, type KeptState } from './kept-set-up.js';
import type { KeeperAnswer, KeeperRequest } from './set-up-keeper.js';

const kept = new KeptSetUp();

function carryOut(request: KeeperRequest): KeptState {
  switch (request.kind) {
    case 'establish':
      return kept.establish(request.setUps, request.keepsFormer);
    case 'look':
      return kept.look();
    case 'remove':
      return kept.remove();
  }
}

parentPort!.on('message', (request: KeeperRequest) => {
  let answer: KeeperAnswer;
  try {
    answer = carryOut(request);
  } catch (error) {
    answer = { code: error instanceof SetupError ? error.code : 'command-failed', message: describeFailure(error) };
  }
  parentPort!.postMessage(answer);
});
