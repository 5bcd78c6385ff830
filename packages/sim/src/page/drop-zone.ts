import { DEFAULT_TARGETS } from '../replay/defaults.js';
import { html } from './element.js';
import { type ReplayedFile, replayFile } from './replayed-file.js';

/**
 * Takes a capture that is dropped or chosen, and what it is to be sent through.
 *
 * @param program name and version, for the report
 * @param onReplayed gets the result
 */
export function dropZone(program: string, onReplayed: (replayed: ReplayedFile) => void): HTMLElement {
  const targets = html('input', { type: 'text', placeholder: DEFAULT_TARGETS, spellcheck: 'false' });
  const configuration = html('textarea', { rows: 6, spellcheck: 'false', placeholder: CONFIGURATION_EXAMPLE });
  const decapsulate = html('input', { type: 'checkbox' });
  const file = html('input', { type: 'file', 'aria-label': 'capture' });
  const message = html('p', { role: 'status', class: 'message' });
  const zone = html(
    'div',
    { class: 'zone' },
    html('label', {}, html('strong', {}, 'Drop a capture here'), ', or choose it: ', file),
    html('p', { class: 'soft' }, 'pcap or pcapng, plain or in gzip. It stays on this machine: this page has no network.'),
    message,
  );

  let last: File | undefined;
  let running = false;
  const replayLast = async (): Promise<void> => {
    if (last === undefined || running) return;
    running = true;
    message.classList.remove('bad');
    message.textContent = '';
    try {
      const choices = { targets: targets.value, configuration: configuration.value, decapsulate: decapsulate.checked };
      const replayed = await replayFile(last, choices, program, (progress) => {
        message.textContent = `${last!.name}: ${Math.floor(100 * progress)}%`;
      });
      message.textContent = `${last.name}: replayed`;
      onReplayed(replayed);
    } catch (error) {
      message.textContent = (error as Error).message;
      message.classList.add('bad');
    } finally {
      running = false;
    }
  };
  const take = (files: FileList | null | undefined): void => {
    last = files?.[0] ?? last;
    void replayLast();
  };

  file.addEventListener('change', () => take(file.files));
  for (const input of [targets, configuration, decapsulate]) input.addEventListener('change', () => void replayLast());
  // Anywhere on the page: a browser would open what is dropped beside the zone.
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    zone.classList.add('over');
  });
  document.addEventListener('dragleave', () => zone.classList.remove('over'));
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    take(event.dataTransfer?.files);
  });

  const more = html(
    'details',
    {},
    html('summary', {}, 'Targets, tables and flows'),
    html('label', {}, 'Targets, with a weight after a colon if it is not 1', targets),
    html('label', {}, 'Or tables and flows, as in a configuration file of nfqlb', configuration),
    html('label', {}, decapsulate, ' the packets inside of tunnels: IP in IP, GRE, VXLAN and Geneve'),
  );
  return html('section', { class: 'screen-only drop' }, html('h2', {}, 'Replay a capture'), zone, more);
}

const CONFIGURATION_EXAMPLE = `tables:
  web: { targets: { 101: 1, 102: 2 } }
flows:
  - { name: web, target: web, protocols: tcp, dports: 443 }`;
