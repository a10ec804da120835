/**
 * What an API key may do. Native scopes are ours; the others are Braze's permission names
 * (https://www.braze.com/docs/api/basics/#rest-api-key-permissions), so that a key can be given what a Braze key had.
 */
export const NATIVE_SCOPES = [
  'journeys.read',
  'journeys.write',
  'journeys.enter',
  'entries.read',
  'entries.write',
  'deliveries.read',
  'deliveries.write',
  'hosts.read',
  'hosts.write',
  'keys.write',
  'profiles.read',
  'stats.read',
  'ingest',
] as const;

export const BRAZE_SCOPES = [
  'users.track',
  'users.track.sync',
  'users.identify',
  'users.merge',
  'users.delete',
  'users.alias.new',
  'users.alias.update',
  'users.export.ids',
  'users.export.segment',
  'users.export.global_control_group',
  'users.external_ids.rename',
  'users.external_ids.remove',
  'messages.send',
  'messages.schedule.create',
  'messages.schedule.update',
  'messages.schedule.delete',
  'messages.schedule_broadcasts',
  'messages.live_activity.update',
  'campaigns.trigger.send',
  'campaigns.trigger.schedule.create',
  'campaigns.trigger.schedule.update',
  'campaigns.trigger.schedule.delete',
  'campaigns.list',
  'campaigns.data_series',
  'campaigns.details',
  'campaigns.url_info.details',
  'sends.data_series',
  'sends.id.create',
  'transactional.send',
  'canvas.trigger.send',
  'canvas.trigger.schedule.create',
  'canvas.trigger.schedule.update',
  'canvas.trigger.schedule.delete',
  'canvas.list',
  'canvas.data_series',
  'canvas.details',
  'canvas.data_summary',
  'canvas.url_info.details',
  'canvas.duplicate',
  'segments.list',
  'segments.details',
  'segments.data_series',
  'events.list',
  'events.data_series',
  'custom_attributes.get',
  'templates.email.list',
  'templates.email.info',
  'templates.email.create',
  'templates.email.update',
  'content_blocks.list',
  'content_blocks.info',
  'content_blocks.create',
  'content_blocks.update',
  'subscription.status.set',
  'subscription.status.get',
  'subscription.groups.get',
  'email.unsubscribe',
  'email.status',
  'email.hard_bounces',
  'email.bounce.remove',
  'email.spam.remove',
  'email.blacklist',
] as const;

/** Every scope there is; `*` stands for all of them, those of later releases included. */
export const SCOPES = ['*', ...NATIVE_SCOPES, ...BRAZE_SCOPES] as const;
export type ScopeName = (typeof SCOPES)[number];

const KNOWN: ReadonlySet<string> = new Set(SCOPES);

export function isScope(text: string): text is ScopeName {
  return KNOWN.has(text);
}

/** Whether a key with these scopes may do what needs `wanted`. */
export function grants(scopes: readonly string[], wanted: ScopeName): boolean {
  return scopes.includes('*') || scopes.includes(wanted);
}

/** The scopes a new key is asked to have that its maker lacks: nobody hands out more than they hold. */
export function beyond(own: readonly string[], asked: readonly ScopeName[]): ScopeName[] {
  return asked.filter((scope) => !grants(own, scope));
}
