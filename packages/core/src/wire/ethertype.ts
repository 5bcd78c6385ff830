// EtherTypes of the two protocols balanced here (IANA "IEEE 802 Numbers"), host byte order.

export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;
