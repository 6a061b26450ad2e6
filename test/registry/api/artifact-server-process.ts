import { openArtifactServer } from './open-artifact-server.ts';

// A server in a process of its own, so that its memory can be looked at: it tells its port, and its peak when asked.
const server = await openArtifactServer({ directChanges: 'refused' });
process.on('message', (message) => {
  if (message === 'close') void server.close().then(() => process.exit(0));
  // Kilobytes, the most there ever were.
  else process.send?.({ peak: process.resourceUsage().maxRSS * 1024, now: process.memoryUsage().rss });
});
process.send?.({ port: server.port });
