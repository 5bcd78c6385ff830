#pragma once

#include <napi.h>

/// restrictPrivileges(low, high): in all threads of this process, and in what they will start, leaves no capabilities but those whose bits are set in
/// the two halves of a mask (linux/capability.h), and sets no_new_privs. Gives none that a thread does not have. The bounding set can only be reduced
/// with CAP_SETPCAP, which goes then; without, no_new_privs alone keeps programs from gaining any.
void restrictPrivileges(const Napi::CallbackInfo& info);
