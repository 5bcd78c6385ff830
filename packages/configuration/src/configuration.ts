import type { TableOptions, Target } from '@nfqlb/core';
import type { FlowDefinition } from '@nfqlb/core/flows';

/** What a configuration file declares, checked. A section missing from the file is `undefined`: nothing in it must change. */
export interface Configuration {
  /** By shared-memory name, without a leading slash. */
  readonly tables: ReadonlyMap<string, DeclaredTable> | undefined;
  /** In the order of the file. */
  readonly flows: readonly DeclaredFlow[] | undefined;
}

/** A table and all of its targets. */
export interface DeclaredTable extends Required<TableOptions> {
  readonly targets: readonly Required<Target>[];
}

/** A flow, as `defineFlow` takes it. Its lists are comma-separated, as for `flow-set`. */
export interface DeclaredFlow extends FlowDefinition {
  /** Where it is in the file: `nfqlb.yaml:12:5`. */
  readonly place: string;
}
