export { AnnounceError, type AnnounceOrder, sendAnnounce, serveAnnounce } from './announce-socket.js';
