import type { TableOptions, Target } from '@nfqlb/core';
import type { FlowDefinition } from '@nfqlb/core/flows';

/** What a configuration file declares, checked. A section that the file does not have is not spoken of: nothing of it shall change. */
export interface Configuration {
  /** By shared-memory name, without a slash before it. */
  readonly tables: ReadonlyMap<string, DeclaredTable> | undefined;
  /** In the order of the file. */
  readonly flows: readonly DeclaredFlow[] | undefined;
}

/** A table and all of its targets. */
export interface DeclaredTable extends Required<TableOptions> {
  readonly targets: readonly Required<Target>[];
}

/** A flow, which `defineFlow` takes. Its lists are as `flow-set` has them, with commas. */
export interface DeclaredFlow extends FlowDefinition {
  /** Where the file says it: `nfqlb.yaml:12:5`. */
  readonly place: string;
}
