/** Whether Node's permission model is on (`--permission`). */

/** Whether Node checks each call on a path. */
export function hasPermissionModel(): boolean {
  return 'permission' in process && Boolean(process.permission);
}
