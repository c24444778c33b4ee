// How many threads may be asked for: the bound of set_thread_limit.
#pragma once

namespace assay {

/// More than these never work for one call.
inline constexpr unsigned kMaxThreads = 1024;

}  // namespace assay
