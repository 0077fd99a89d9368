// The nested answer in a file of JSON, as lines `followed<TAB>name<TAB>place<TAB>name`.
import { readFileSync } from 'node:fs';
import { documentView } from './document.mjs';

const document = JSON.parse(readFileSync(process.argv[2], 'utf8'));
for (const row of documentView(() => document).rows()) console.log(row.join('\t'));
