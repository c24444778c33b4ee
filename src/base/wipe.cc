#include "base/wipe.h"

#include <sodium.h>

namespace assay::internal {

void wipe_bytes(void* memory, std::size_t bytes) { sodium_memzero(memory, bytes); }

}  // namespace assay::internal
