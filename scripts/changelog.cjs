// How `changeset version` writes the packages' CHANGELOG.md: each change once, in the words of its changeset. Neither commits, whose names
// change when they are rebased, nor dependencies, which all have the same version.

/** @param {{ summary: string }} changeset */
const getReleaseLine = async ({ summary }) => `- ${summary.trim().replaceAll('\n', '\n  ')}`;

const getDependencyReleaseLine = async () => '';

module.exports = { default: { getReleaseLine, getDependencyReleaseLine } };
