// What an image of docker/nfqlb contains, as CycloneDX 1.5: `node scripts/sbom.mjs IMAGE >sbom.json`. Debian's packages as its list of
// packages says, Node with the libraries it says it has, and the npm packages that the bundles say they contain. Or what one of the npm packages with
// programs contains, after `pnpm build`: `node scripts/sbom.mjs --package=cli`. (The Debian packages bring their own: packaging/build.mjs.)
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { billOfMaterials, container, debianPackage, nodeProgram, npmPackage } from './cyclonedx.mjs';

const {
  values: { package: program },
  positionals: [image, ...more],
} = parseArgs({ allowPositionals: true, options: { package: { type: 'string' } } });
if ((image === undefined) === (program === undefined) || more.length > 0) {
  console.error('sbom.mjs: must be called with one image, or one package: node scripts/sbom.mjs nfqlb, or --package=cli');
  process.exit(2);
}

function inImage(...command) {
  try {
    return execFileSync('docker', ['run', '--rm', '--network=none', `--entrypoint=${command[0]}`, image, ...command.slice(1)], {
      encoding: 'utf8',
    });
  } catch (error) {
    console.error(`sbom.mjs: ${image}: ${error.message.split('\n')[1] || error.message}`);
    process.exit(1);
  }
}

function debian() {
  const stanzas = inImage('cat', '/var/lib/dpkg/status').trim().split('\n\n');
  return stanzas
    .map((stanza) => Object.fromEntries([...stanza.matchAll(/^(\S+): (.*)$/gm)].map(([, field, value]) => [field, value])))
    .filter(({ Status }) => Status === 'install ok installed')
    .map(({ Package: name, Version: version, Architecture: architecture }) => debianPackage({ name, version, architecture }));
}

/** A file of the package. */
function read(file) {
  if (image !== undefined) return inImage('cat', `/opt/nfqlb/cli/${file}`);
  try {
    return readFileSync(fileURLToPath(new URL(`../packages/${program}/${file}`, import.meta.url)), 'utf8');
  } catch (error) {
    console.error(`sbom.mjs: ${program}: ${error.message}; pnpm build makes it for cli and sim`);
    process.exit(1);
  }
}

const own = JSON.parse(read('package.json'));
const bundled = JSON.parse(read('dist/third-party.json')).map((each) => npmPackage(each));
process.stdout.write(
  image === undefined
    ? billOfMaterials(npmPackage(own, { type: 'application' }), bundled)
    : billOfMaterials(container({ ...own, name: 'nfqlb' }), [
        npmPackage(own, { type: 'application', components: bundled }),
        nodeProgram(JSON.parse(inImage('node', '-p', 'JSON.stringify(process.versions)'))),
        ...debian(),
      ]),
);
