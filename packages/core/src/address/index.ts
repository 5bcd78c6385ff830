export {
  type Cidr,
  cidrContains,
  formatCidr,
  hostBitsProblem,
  IPV4_PREFIX,
  maskAddress,
  parseCidr,
  parsePrefixLength,
  samePrefix,
} from './cidr.js';
export { ADDRESS_LENGTH, formatEndpoint, formatIpAddress, formatIpv6, isIpv4, parseIpAddress } from './ip-address.js';
