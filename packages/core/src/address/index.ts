export {
  type Cidr,
  cidrContains,
  formatCidr,
  IPV4_PREFIX,
  maskAddress,
  networksMeant,
  parseCidr,
  parsePrefixLength,
  samePrefix,
} from './cidr.js';
export { ADDRESS_LENGTH, formatIpAddress, formatIpv6, isIpv4, parseIpAddress } from './ip-address.js';
