// What the oracle is asked to do.
import { parseArgs } from 'node:util';

export const { values: options } = parseArgs({ options: {
  sangre: { type: 'string' }, plugins: { type: 'string' }, seconds: { type: 'string', default: '60' }, seed: { type: 'string' },
  rounds: { type: 'string' }, transactions: { type: 'string', default: '40' }, keep: { type: 'boolean', default: false },
  feed: { type: 'boolean', default: false }, breaks: { type: 'string', default: '8' } } });
