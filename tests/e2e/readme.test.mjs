// What the README says works: each config in it is checked, each view path and command it shows exists.
//
// A fenced block of yaml with `views:` and one of lua with `sangre.view` is a config. A fenced block of sh whose first line is `# tested`
// is run, line by line, with `sangre` being the program and $CONFIG a working config. A README with a heading "Config" must have configs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { command, program, scratch, writeConfig } from './lib/sangre.mjs';
import { World, config } from './lib/world.mjs';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const file = path.join(root, 'README.md');
const text = existsSync(file) ? readFileSync(file, 'utf8') : '';

function blocks() {
  const found = [];
  for (const match of text.matchAll(/^( *)```(\w+)[^\n]*\n(.*?)^\1```/gms)) {
    const indent = new RegExp(`^ {${match[1].length}}`, 'gm');
    found.push({ language: match[2], text: match[3].replace(indent, ''), line: text.slice(0, match.index).split('\n').length + 1 });
  }
  return found;
}

const configs = blocks().filter(({ language, text }) => (/^ya?ml$/.test(language) && /^views:/m.test(text)) || (language === 'lua' && /sangre\.view/.test(text)));
const scripts = blocks().filter(({ language, text }) => /^(sh|bash|shell)$/.test(language) && text.startsWith('# tested\n'));
let world;

before(async () => {
  if (configs.length || scripts.length)
    world = await World.start();
});
after(() => world?.end());

test('a README that tells of configs shows some', () => {
  if (/^#+ .*\bconfig/im.test(text))
    assert.ok(configs.length, 'README.md has a heading about configs, but no block of yaml with views: or of lua with sangre.view');
});

for (const block of configs)
  test(`the config at README.md:${block.line}`, async () => {
    // One that stands for a part of a config gets the source it needs.
    const whole = block.language === 'lua' || /^sources:/m.test(block.text) ? block.text : `sources: { app: { plugin: postgres, conninfo: "\${DATABASE_URL}" } }\n${block.text}`;
    const { code, err } = await command(['check', writeConfig(whole, block.language === 'lua' ? 'lua' : 'yaml')], { environment: world.environment });
    assert.equal(code, 0, err);
  });

for (const block of scripts)
  test(`the commands at README.md:${block.line}`, async () => {
    const bin = path.join(scratch, 'sangre');
    if (!existsSync(bin))
      symlinkSync(program, bin);
    await run('sh', ['-euc', block.text], { cwd: root, env: { ...process.env, ...world.environment, SANGRE_PORT: '0', CONFIG: writeConfig(config), PATH: `${scratch}:${process.env.PATH}` } });
  });
