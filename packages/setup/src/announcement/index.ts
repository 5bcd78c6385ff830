export { VIP_DEVICE, VIP_PROTOCOL, VipRoutes } from './vip-routes.js';
