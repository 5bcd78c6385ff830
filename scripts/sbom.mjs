// What an image of docker/nfqlb contains, as CycloneDX 1.5: `node scripts/sbom.mjs IMAGE >sbom.json`. Debian's packages as its list of
// packages says, Node with the libraries it says it has, and the npm packages that the bundles say they contain. Or what one of the npm packages with
// programs contains, after `pnpm build`: `node scripts/sbom.mjs --package=cli`.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const {
  values: { package: npmPackage },
  positionals: [image, ...more],
} = parseArgs({ allowPositionals: true, options: { package: { type: 'string' } } });
if ((image === undefined) === (npmPackage === undefined) || more.length > 0) {
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

const licences = (license) =>
  license ? { licenses: [/[ ()]/.test(license) ? { expression: license } : { license: { id: license } }] } : {};

function debian() {
  const stanzas = inImage('cat', '/var/lib/dpkg/status').trim().split('\n\n');
  return stanzas
    .map((stanza) => Object.fromEntries([...stanza.matchAll(/^(\S+): (.*)$/gm)].map(([, field, value]) => [field, value])))
    .filter(({ Status }) => Status === 'install ok installed')
    .map(({ Package: name, Version: version, Architecture: arch }) => ({
      type: 'library',
      name,
      version,
      purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${arch}&distro=debian-12`,
    }));
}

function node() {
  const { node: version, ...parts } = JSON.parse(inImage('node', '-p', 'JSON.stringify(process.versions)'));
  const components = Object.entries(parts).map(([name, partVersion]) => ({ type: 'library', name, version: partVersion }));
  return { type: 'application', name: 'node', version, purl: `pkg:generic/node@${version}`, ...licences('MIT'), components };
}

/** A file of the package. */
function read(file) {
  if (image !== undefined) return inImage('cat', `/opt/nfqlb/cli/${file}`);
  try {
    return readFileSync(fileURLToPath(new URL(`../packages/${npmPackage}/${file}`, import.meta.url)), 'utf8');
  } catch (error) {
    console.error(`sbom.mjs: ${npmPackage}: ${error.message}; pnpm build makes it for cli and sim`);
    process.exit(1);
  }
}

function bundled() {
  return JSON.parse(read('dist/third-party.json')).map(({ name, version, license }) => ({
    type: 'library',
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...licences(license),
  }));
}

const { name, version, license } = JSON.parse(read('package.json'));
const program = { type: 'application', name, version, purl: `pkg:npm/${name.replace('@', '%40')}@${version}`, ...licences(license) };
const sbom = {
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  ...(image === undefined
    ? { metadata: { component: program }, components: bundled() }
    : {
        metadata: { component: { type: 'container', name: 'nfqlb', version, ...licences(license) } },
        components: [{ ...program, components: bundled() }, node(), ...debian()],
      }),
};
console.log(JSON.stringify(sbom, undefined, 2));
