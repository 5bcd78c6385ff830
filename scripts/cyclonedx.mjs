// Lists of what software contains, as CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json/).

const licences = (license) =>
  license ? { licenses: [/[ ()]/.test(license) ? { expression: license } : { license: { id: license } }] } : {};

/** A package of npm. */
export function npmPackage({ name, version, license }, { type = 'library', components } = {}) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return { type, name, version, purl, ...licences(license), ...(components && { components }) };
}

/** A package of Debian. */
export function debianPackage({ name, version, architecture }, { type = 'library', license, components } = {}) {
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}&distro=debian-12`;
  return { type, name, version, purl, ...licences(license), ...(components && { components }) };
}

/** Node with the libraries in it. @param versions its process.versions */
export function nodeProgram({ node: version, ...parts }) {
  const components = Object.entries(parts).map(([name, partVersion]) => ({ type: 'library', name, version: partVersion }));
  return { type: 'application', name: 'node', version, purl: `pkg:generic/node@${version}`, ...licences('MIT'), components };
}

export function container({ name, version, license }) {
  return { type: 'container', name, version, ...licences(license) };
}

/** The list for one component, as text. */
export function billOfMaterials(component, components) {
  return `${JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.5', version: 1, metadata: { component }, components }, undefined, 2)}\n`;
}
