import { randomBytes } from 'node:crypto';
import { docker, OWNER_LABEL, owner } from './engine.js';

/** A Docker network with IPv4 and IPv6. */
export class SiteNetwork {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  static async create(what: string): Promise<SiteNetwork> {
    const id = randomBytes(5).toString('hex');
    const name = `nfqlb-${what}-${id}`;
    // RFC 4193 §3.2.2: a unique local prefix has 40 random bits. Docker chooses the IPv4 subnet.
    const subnet = `fd${id.slice(0, 2)}:${id.slice(2, 6)}:${id.slice(6, 10)}::/64`;
    await docker('network', 'create', `--label=${OWNER_LABEL}=${owner()}`, '--ipv6', `--subnet=${subnet}`, name);
    return new SiteNetwork(name);
  }

  async remove(): Promise<void> {
    await docker('network', 'rm', this.name);
  }
}
