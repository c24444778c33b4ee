// How many threads may be asked for.
#pragma once

namespace assay {

/// More than these never work for one call.
inline constexpr unsigned kMaxThreads = 1024;

}  // namespace assay
