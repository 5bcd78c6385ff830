import { defineConfig } from 'vitest/config';

// Tests run from the sources: the private export condition leads to src/ instead of dist/.
const source = { resolve: { conditions: ['@nfqlb/source'] }, ssr: { resolve: { conditions: ['@nfqlb/source'] } } };

export default defineConfig({
  test: {
    projects: [{ ...source, test: { name: 'unit', include: ['packages/{core,options,sim}/**/*.test.ts'] } }],
  },
});
