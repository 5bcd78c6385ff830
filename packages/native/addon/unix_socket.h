#pragma once

#include <napi.h>

/// listenAbstract(name, backlog) → a descriptor that listens on the abstract unix socket of that name. Abstract names are octets, without a
/// terminator: Node's `net` pads them with zeros, so other programs would not find them.
Napi::Value listenAbstract(const Napi::CallbackInfo& info);

/// connectAbstract(name) → a connected descriptor
Napi::Value connectAbstract(const Napi::CallbackInfo& info);
