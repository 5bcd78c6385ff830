// The README's example as a user runs it: images built from the sources, and `curl`.

import { expect, test } from 'vitest';
import { run } from '../processes/running.js';
import { describeUnless } from '../testing/describe-unless.js';
import { ComposeExample, composeProblem } from './compose-example.js';

describeUnless(composeProblem(), 'the example for docker compose', () => {
  test('is built from the sources, and all three targets answer curl until one is deactivated', async () => {
    await using example = new ComposeExample({
      file: 'compose.yaml',
      images: {
        lb: 'nfqlb:example-test',
        ...Object.fromEntries([1, 2, 3].map((number) => [`target${number}`, 'nfqlb-target:test'])),
      },
      networks: { example: { enable_ipv6: true, ipam: { config: [{ subnet: '10.77.0.0/24' }, { subnet: 'fd00:77::/64' }] } } },
    });
    const answers = async (url: string): Promise<Set<string>> => {
      const text = await run(['sh', '-c', `for i in $(seq 40); do curl -sS --globoff --max-time 5 ${url}; done`]);
      return new Set(text.trimEnd().split('\n'));
    };
    await example.compose('up', '--build', '--detach');
    await run(['sh', '-c', 'until curl -s --max-time 1 http://10.77.0.100/ >/dev/null; do sleep 0.2; done']);
    const all = new Set(['target1', 'target2', 'target3']);
    expect(await answers('http://10.77.0.100/')).toEqual(all);
    expect(await answers('http://[fd00:77::100]/')).toEqual(all);
    expect(await answers('http://127.0.0.1:8077/')).toEqual(all);
    await example.script('lb', 'nfqlb deactivate 2');
    expect(await answers('http://10.77.0.100/')).toEqual(new Set(['target1', 'target3']));
    expect(await answers('http://[fd00:77::100]/')).toEqual(new Set(['target1', 'target3']));
  }, 400_000); // Nearly all of it for the build.
});
