// Makes the Debian packages and tarballs of this machine's architecture, from what `pnpm build` made of cli and sim:
//
//   node packaging/build.mjs [--outdir=packaging/build] [--node] [--compression=xz|zstd|gzip|none]
//
// --node: also the package nfqlb-node, with the Node that runs this. The addon is that of the npm packages. Needs dpkg-deb and dpkg-shlibdeps
// (Debian package dpkg-dev), on the oldest Debian that the packages are for: what they depend on are this one's versions. Builds from the same
// commit with the same tools are the same, octet by octet.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { billOfMaterials, debianPackage, nodeProgram, npmPackage } from '../scripts/cyclonedx.mjs';
import { readLicences } from '../scripts/third-party.mjs';
import { copyright } from './copyright.mjs';

const packaging = dirname(fileURLToPath(import.meta.url));
const root = dirname(packaging);
const { values } = parseArgs({
  options: {
    outdir: { type: 'string', default: join(packaging, 'build') },
    node: { type: 'boolean', default: false },
    compression: { type: 'string', default: 'xz' },
  },
});

/** What starts a program; its bundle is beside it. */
const PROGRAMS = { nfqlb: 'cli/dist/nfqlb', ipu: 'cli/dist/ipu', 'nfqlb-sim': 'sim/dist/sim' };
const MAINTAINER_SCRIPTS = ['postinst', 'prerm', 'postrm'];

const { version } = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8'));
const commit = () => execFileSync('git', ['-C', root, 'log', '-1', '--format=%ct'], { encoding: 'utf8' }).trim();
const seconds = Number(process.env.SOURCE_DATE_EPOCH ?? commit());
const date = new Date(seconds * 1000);
const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim();
// Debian's names for these variables: devscripts(1).
const { DEBFULLNAME: fullName = 'nfqlb maintainers', DEBEMAIL: email = 'nfqlb@localhost.localdomain' } = process.env;
const maintainer = `${fullName} <${email}>`;
const env = { ...process.env, SOURCE_DATE_EPOCH: String(seconds), LC_ALL: 'C' };

const work = mkdtempSync(join(tmpdir(), 'nfqlb-package-'));
try {
  mkdirSync(values.outdir, { recursive: true });
  await makeMain();
  if (values.node) makeNode();
} finally {
  rmSync(work, { recursive: true });
}

async function makeMain() {
  const at = folder('nfqlb');
  for (const [program, file] of Object.entries(PROGRAMS)) {
    if (!existsSync(join(root, 'packages', file))) fail(`there is no packages/${file}: run pnpm build first, or pnpm package`);
    at.write(`usr/lib/nfqlb/${file}`, readFileSync(join(root, 'packages', file), 'utf8'), 0o755);
    symlinkSync(`../lib/nfqlb/${file}`, at.make(`usr/bin/${program}`));
  }
  for (const name of ['cli', 'sim']) {
    for (const file of readdirSync(join(root, 'packages', name, 'dist')).filter((each) => /\.(js|html)$/.test(each))) {
      // Without the first line and the last one: it is started by its launcher, and has no source map here.
      const text = readFileSync(join(root, 'packages', name, 'dist', file), 'utf8');
      at.write(`usr/lib/nfqlb/${name}/dist/${file}`, text.replace(/^#!.*\n/, '').replace(/\/\/# sourceMappingURL=.*\n?$/, ''));
    }
    at.write(`usr/lib/nfqlb/${name}/package.json`, `${JSON.stringify({ name: `@nfqlb/${name}`, version, type: 'module' })}\n`);
  }
  const prebuilds = prebuiltAddons();
  const name = `linux-${process.arch}-glibc.node`;
  const addon = at.make(`usr/lib/nfqlb/native/prebuilds/${name}`);
  copyFileSync(join(prebuilds, name), addon);
  chmodSync(addon, 0o644);
  execFileSync('strip', ['--strip-unneeded', '--remove-section=.comment', '--remove-section=.note', addon]);

  const { manual, completions } = await documents();
  for (const { name, text } of await manual(version, date.toISOString().slice(0, 10)))
    at.writeGzip(`usr/share/man/man1/${name}.1.gz`, text);
  for (const { path, text } of completions()) at.write(path, text);

  for (const unit of ['nfqlb.service', 'nfqlb-up.service']) at.copy(unit, `lib/systemd/system/${unit}`);
  for (const file of ['nfqlb.yaml', 'up']) at.copy(file, `etc/nfqlb/${file}`);
  at.copy('default', 'etc/default/nfqlb');
  at.copy('overrides', 'usr/share/lintian/overrides/nfqlb');
  at.writeGzip('usr/share/doc/nfqlb/changelog.gz', changelog('nfqlb'));
  const parts = [join(root, 'packages/cli/dist'), join(root, 'packages/sim/dist'), prebuilds];
  const licences = parts.map((part) => join(part, 'third-party-licences.txt'));
  at.write('usr/share/doc/nfqlb/copyright', copyright(licences));
  at.write('usr/share/doc/nfqlb/sbom.cdx.json', billOfMaterials(debianOf('nfqlb', 'Apache-2.0'), thirdPartyOf(licences)));
  // Before the folder DEBIAN is there: the same files in both.
  at.tarball(`nfqlb_${version}_${architecture}.tar.gz`);

  for (const script of MAINTAINER_SCRIPTS) at.write(`DEBIAN/${script}`, template(script), 0o755);
  at.copy('conffiles', 'DEBIAN/conffiles');
  at.finish('control', { LIBRARIES: at.librariesOf(addon) });
}

function makeNode() {
  const at = folder('nfqlb-node');
  const node = at.make('usr/lib/nfqlb/node');
  copyFileSync(process.execPath, node);
  chmodSync(node, 0o755);
  execFileSync('strip', ['--strip-unneeded', node]);
  const prefix = dirname(dirname(process.execPath));
  const license = [join(prefix, 'LICENSE'), join(prefix, 'share/doc/nodejs/LICENSE')].find(existsSync);
  if (!license) fail(`Node's license is neither ${prefix}/LICENSE nor ${prefix}/share/doc/nodejs/LICENSE; it must be in the package`);
  at.write('usr/share/doc/nfqlb-node/copyright', `Node ${process.version}, from nodejs.org\n\n${readFileSync(license, 'utf8')}`);
  at.writeGzip('usr/share/doc/nfqlb-node/changelog.gz', changelog('nfqlb-node'));
  at.write('usr/share/doc/nfqlb-node/sbom.cdx.json', billOfMaterials(debianOf('nfqlb-node', 'MIT'), [nodeProgram(process.versions)]));
  at.copy('overrides-node', 'usr/share/lintian/overrides/nfqlb-node');
  at.finish('control-node', { LIBRARIES: at.librariesOf(node), NODE: process.versions.node });
}

function debianOf(name, license) {
  return debianPackage({ name, version, architecture }, { type: 'application', license });
}

/** The npm packages in programs and addon, each once, by the licences that go along. */
function thirdPartyOf(files) {
  const all = new Map(files.flatMap(readLicences).map(({ title, license }) => [title, license]));
  return [...all].sort().map(([title, license]) => {
    const [, name, version] = /^(\S+) (\S+) /.exec(title);
    return npmPackage({ name, version, license });
  });
}

/** A folder that becomes a package. Paths are below it. */
function folder(name) {
  const top = join(work, name);
  const make = (path) => {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    return join(top, path);
  };
  const write = (path, text, mode = 0o644) => {
    writeFileSync(make(path), text);
    chmodSync(join(top, path), mode);
  };
  const report = (file) => console.log(`${file}  ${statSync(file).size} octets, ${kibibytes(top)} KiB installed`);
  return {
    make,
    write,
    writeGzip: (path, text) => write(path, gzip(text)),
    copy: (source, path) => write(path, template(source)),
    /** What its programs are linked with, as Depends has it. */
    librariesOf: (file) => {
      mkdirSync(join(work, 'debian'), { recursive: true });
      writeFileSync(join(work, 'debian/control'), `Source: nfqlb\n\nPackage: ${name}\nArchitecture: any\n`);
      const said = execFileSync('dpkg-shlibdeps', ['-O', '--warnings=0', `-e${file}`], { cwd: work, encoding: 'utf8', env, stdio: 'pipe' });
      return said.trim().replace('shlibs:Depends=', '');
    },
    tarball: (file) => {
      const out = join(values.outdir, file);
      setModes(top);
      const like = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${seconds}`, '--format=gnu'];
      // S: not what links lead to.
      const tar = execFileSync('tar', [...like, '-C', top, '--transform', `s,^\\.,nfqlb-${version},S`, '-cf', '-', '.'], {
        maxBuffer: 1 << 30,
        env,
      });
      writeFileSync(out, gzip(tar));
      report(out);
    },
    finish: (control, variables) => {
      const common = { VERSION: version, ARCHITECTURE: architecture, MAINTAINER: maintainer, SIZE: String(kibibytes(top)) };
      write('DEBIAN/control', template(control, { ...common, ...variables }));
      const sums = filesIn(top)
        .filter((file) => !file.startsWith('DEBIAN/'))
        .map((file) => execFileSync('md5sum', [file], { cwd: top, encoding: 'utf8' }));
      write('DEBIAN/md5sums', sums.join(''));
      setModes(top);
      const out = join(values.outdir, `${name}_${version}_${architecture}.deb`);
      execFileSync('dpkg-deb', ['--root-owner-group', `-Z${values.compression}`, '--build', top, `${out}.new`], {
        env,
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      renameSync(`${out}.new`, out);
      report(out);
    },
  };
}

/** Folders are for everybody to read, whatever the umask is. */
function setModes(top) {
  chmodSync(top, 0o755);
  for (const entry of readdirSync(top, { recursive: true }))
    if (lstatSync(join(top, entry)).isDirectory()) chmodSync(join(top, entry), 0o755);
}

/** In order, relative to `top`. */
function filesIn(top) {
  return readdirSync(top, { recursive: true })
    .filter((entry) => lstatSync(join(top, entry)).isFile())
    .sort();
}

/** As Debian counts installed size: each file's rounded up. */
function kibibytes(top) {
  return filesIn(top).reduce((sum, file) => sum + Math.ceil(statSync(join(top, file)).size / 1024), 0);
}

/** A folder with those of the npm packages, made if necessary. */
function prebuiltAddons() {
  const script = join(root, 'packages/native/scripts/prebuild.mjs');
  const to = join(work, 'prebuilds');
  execFileSync(process.execPath, [script, `--copy-to=${to}`], { stdio: ['ignore', 'ignore', 'inherit'] });
  return to;
}

/** documents.mjs, together with the programs that it describes. */
async function documents() {
  const outdir = join(work, 'documents');
  await build({
    entryPoints: [join(packaging, 'documents.mjs')],
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@nfqlb/source'],
    splitting: true,
    banner: { js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);" },
    logLevel: 'warning',
  });
  return await import(pathToFileURL(join(outdir, 'documents.mjs')).href);
}

/** A file of packaging/debian, with its variables as in @VERSION@. */
function template(name, variables = {}) {
  const text = readFileSync(join(packaging, 'debian', name), 'utf8');
  return text.replace(
    /@([A-Z]+)@/g,
    (whole, variable) => variables[variable] ?? fail(`packaging/debian/${name}: unknown variable ${whole}`),
  );
}

function changelog(name) {
  const when = date.toUTCString().replace('GMT', '+0000');
  return `${name} (${version}) unstable; urgency=medium\n\n  * Version ${version}; the changes are in the project's CHANGELOG.\n\n -- ${maintainer}  ${when}\n`;
}

/** Without name and time. */
function gzip(content) {
  return gzipSync(content, { level: 9 });
}

function fail(reason) {
  console.error(`packaging: ${reason}`);
  process.exit(1);
}
