import type { TableOptions, Target } from '@nfqlb/core';
import type { FlowDefinition } from '@nfqlb/core/flows';
import type { FwmarkRange, SourceSettings } from '@nfqlb/discovery/settings';
import type { HealthSettings } from '@nfqlb/health/settings';

/** What a configuration file declares, checked. A section missing from the file is `undefined`: nothing in it must change. */
export interface Configuration {
  /** By shared-memory name, without a leading slash. */
  readonly tables: ReadonlyMap<string, DeclaredTable> | undefined;
  /** In the order of the file; then one for each table that has VIPs and no flow in the file: all packets to these VIPs. */
  readonly flows: readonly DeclaredFlow[] | undefined;
  /** Where the load balancers of the tier have their metrics, this one included or not; as `http://10.1.0.3:9911`. */
  readonly tier?: readonly string[] | undefined;
  /** Options of `nfqlb run`, by name, as on its command line without the dashes. */
  readonly options?: ReadonlyMap<string, OptionValue> | undefined;
}

/** A table and all of its targets. */
export interface DeclaredTable extends Required<Omit<TableOptions, 'hashKey'>>, Pick<TableOptions, 'hashKey'> {
  /** With a hash key, where it is: `siphash:FILE`. */
  readonly hash?: string;
  /** Those that packets are to go to: not those in maintenance. */
  readonly targets: readonly Required<Target>[];
  /** Absent if something else leads packets to the queue, and from there to the targets. */
  readonly service?: DeclaredService | undefined;
  /** The targets whose addresses are declared, those in maintenance included. */
  readonly members?: readonly DeclaredMember[];
  /** When more than this share of the targets is down, all are used; absent: the default. */
  readonly panic?: number | undefined;
  /** Where more targets are found, besides those declared. */
  readonly discovery?: DeclaredDiscovery | undefined;
}

/** Targets that `nfqlb run` finds. */
export interface DeclaredDiscovery {
  readonly source: SourceSettings;
  /** Theirs. No declared target has one of these. */
  readonly fwmarks: FwmarkRange;
  /** How each of them is checked; absent: they are not. */
  readonly health?: HealthSettings | undefined;
}

/** What leads packets to the queue, and by their fwmark to a target. */
export interface DeclaredService {
  /** Such as `10.0.0.1/32`. */
  readonly vips: readonly string[];
  readonly mode: ServiceMode;
  /** With `nat`, as in `nfqlb up`. */
  readonly keepSource: boolean;
  readonly synOnly: boolean;
  /** Whether a BGP speaker on this machine is told that packets to the VIPs may come here. */
  readonly announce: boolean;
}

export const SERVICE_MODES = ['dsr', 'nat'] as const;
export type ServiceMode = (typeof SERVICE_MODES)[number];

/** A target with its own addresses, of which there is at most one of each family. */
export interface DeclaredMember extends Required<Target> {
  readonly addresses: readonly string[];
  /** `drain: true`: it gets no new connections; old ones stay as long as the table's `drain` says. */
  readonly maintenance: boolean;
  /** How it is checked, with all defaults; absent: it is not. */
  readonly health?: HealthSettings | undefined;
}

/** A flow, as `defineFlow` takes it. Its lists are comma-separated, as for `flow-set`. */
export interface DeclaredFlow extends FlowDefinition {
  /** Where it is in the file: `nfqlb.yaml:12:5`. */
  readonly place: string;
}

/** `true` and `false` are for options without a value; a list is for an option that may be given several times. */
export type OptionValue = string | number | boolean | readonly (string | number)[];

/** What a configuration is checked against, besides itself. Whatever is absent is not checked. */
export interface Surroundings {
  /** Whether there is a table of a name that the file does not declare: flows may lead to it. */
  readonly hasTable?: (name: string) => boolean;
  /** Whether an address is one of this machine. */
  readonly isOwnAddress?: (address: string) => boolean;
  /** Nothing looks for targets: tables must not have `discover`. */
  readonly findsNothing?: true;
  /** Throws a `UsageError` for an option that does not exist, or a value that it does not take. */
  readonly checkOption?: (name: string, value: OptionValue) => void;
}
