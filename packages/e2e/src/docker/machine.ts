import { GenericContainer, getContainerRuntimeClient, type StartedTestContainer, Wait } from 'testcontainers';
import { E2eError } from '../e2e-error.js';
import type { Family } from '../matrix/behaviours.js';
import { docker, OWNER_LABEL, owner } from './engine.js';
import type { SiteNetwork } from './site-network.js';

export interface MachineOptions {
  readonly image: string;
  /** Its host name. */
  readonly name: string;
  /** The first one has the default route. */
  readonly networks: readonly SiteNetwork[];
  /** Matches its output when it is ready. Default: ready immediately. */
  readonly ready?: RegExp;
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly devices?: readonly string[];
  /** Files copied into it: local path → path in the container. */
  readonly files?: Readonly<Record<string, string>>;
}

/** How long a machine may take to become ready, ms. */
const START_TIMEOUT_MS = 30_000;

/** A container with several networks, devices and sysctls, which testcontainers does not support directly. */
class MachineContainer extends GenericContainer {
  readonly #further: readonly SiteNetwork[];
  /** Its output since it started. */
  output = '';

  constructor({ image, name, networks, ready, command, env = {}, sysctls = {}, devices = [], files = {} }: MachineOptions) {
    super(image);
    this.#further = networks.slice(1);
    this.withLabels({ [OWNER_LABEL]: owner() })
      .withHostname(name)
      .withNetworkMode(networks[0]!.name)
      .withAddedCapabilities('NET_ADMIN', 'NET_RAW')
      .withEnvironment(env)
      .withCopyFilesToContainer(Object.entries(files).map(([source, target]) => ({ source, target })))
      .withLogConsumer((stream) => {
        stream.on('data', (text) => {
          this.output += text;
        });
      })
      .withStartupTimeout(START_TIMEOUT_MS)
      .withWaitStrategy(ready ? Wait.forLogMessage(ready) : Wait.forSuccessfulCommand('true'));
    if (command) this.withCommand([...command]);
    this.hostConfig.Sysctls = { ...sysctls };
    this.hostConfig.Devices = devices.map((path) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: 'rwm' }));
  }

  /** Called between creation and start, so that the interfaces exist before anything runs. */
  protected override async containerCreated(id: string): Promise<void> {
    const client = await getContainerRuntimeClient();
    const container = client.container.getById(id);
    for (const { name } of this.#further) await client.container.connectToNetwork(container, client.network.getById(name), []);
  }
}

/** A running container of a site. */
export class Machine {
  /** Its host name. */
  readonly name: string;
  readonly #started: StartedTestContainer;
  readonly #addresses: ReadonlyMap<string, Readonly<Record<Family, string>>>;

  private constructor(name: string, started: StartedTestContainer, addresses: ReadonlyMap<string, Readonly<Record<Family, string>>>) {
    this.name = name;
    this.#started = started;
    this.#addresses = addresses;
  }

  static async start(options: MachineOptions): Promise<Machine> {
    const container = new MachineContainer(options);
    const started = await container.start().catch((error: Error) => {
      throw new E2eError('command-failed', `${options.name}: ${error.message}: ${container.output.trim()}`, { cause: error });
    });
    const [inspected] = JSON.parse(await docker('inspect', started.getId())) as [Inspected];
    const networks = Object.entries(inspected.NetworkSettings.Networks);
    const addresses = networks.map(([name, { IPAddress, GlobalIPv6Address }]) => [name, { 4: IPAddress, 6: GlobalIPv6Address }] as const);
    return new Machine(options.name, started, new Map(addresses));
  }

  get id(): string {
    return this.#started.getId();
  }

  address(network: SiteNetwork, family: Family): string {
    const address = this.#addresses.get(network.name)?.[family];
    if (!address) throw new RangeError(`${this.name} has no IPv${family} address on ${network.name}`);
    return address;
  }

  /**
   * Runs a program to completion and returns its stdout.
   *
   * @throws {@link E2eError} `command-failed` unless its status is 0
   */
  async run(...command: readonly string[]): Promise<string> {
    return this.#outputOf(command, await this.attempt(...command));
  }

  /** The same as root, which the load balancer's image is not: for what a test does to its packet rules and neighbours. */
  async runAsRoot(...command: readonly string[]): Promise<string> {
    return this.#outputOf(command, await this.#started.exec([...command], { user: 'root' }));
  }

  /** Runs a program to completion, whatever its exit status. */
  attempt(...command: readonly string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    return this.#started.exec([...command]);
  }

  /** Runs a shell script; stops at the first line that fails. */
  script(...lines: readonly string[]): Promise<string> {
    return this.run('sh', '-ec', lines.join('\n'));
  }

  /** Sends SIGKILL or another signal. The container is removed with its site. */
  async kill(signal = 'KILL'): Promise<void> {
    await docker('kill', `--signal=${signal}`, this.id);
  }

  #outputOf(command: readonly string[], { exitCode, stdout, stderr }: Awaited<ReturnType<Machine['attempt']>>): string {
    if (exitCode !== 0) throw new E2eError('command-failed', `${this.name}: ${command.join(' ')}: status ${exitCode}: ${stderr || stdout}`);
    return stdout;
  }

  /** Its output. */
  async logs(): Promise<string> {
    return docker('logs', this.id);
  }
}

/** The parts of `docker inspect` output in use. */
interface Inspected {
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string; readonly GlobalIPv6Address: string }>>;
  };
}
