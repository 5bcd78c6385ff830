// What an image of docker/nfqlb contains, as CycloneDX 1.5: `node scripts/sbom.mjs IMAGE >sbom.json`. Debian's packages as its list of
// packages says, Node with the libraries it says it has, and the npm packages that the bundles say they contain.
import { execFileSync } from 'node:child_process';

const image = process.argv[2];
if (!image || process.argv.length > 3) {
  console.error('sbom.mjs: must be called with one image, as in: node scripts/sbom.mjs nfqlb');
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

function bundled() {
  return JSON.parse(inImage('cat', '/opt/nfqlb/cli/dist/third-party.json')).map(({ name, version, license }) => ({
    type: 'library',
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...licences(license),
  }));
}

const { name, version, license } = JSON.parse(inImage('cat', '/opt/nfqlb/cli/package.json'));
const sbom = {
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  metadata: { component: { type: 'container', name: 'nfqlb', version, ...licences(license) } },
  components: [{ type: 'application', name, version, ...licences(license), components: bundled() }, node(), ...debian()],
};
console.log(JSON.stringify(sbom, undefined, 2));
