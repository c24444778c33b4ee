#include "base/unfinished_files.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/file.h"

namespace assay {
namespace internal {
namespace {

// A slot goes kFree -> kFilling -> kHeld -> kFree. Whoever moves it out of kHeld, its owner or the handler,
// is the only one to touch it until it is kFree again, so the path is never read while it changes.
enum SlotState : int { kFree, kFilling, kHeld, kRemoving };

struct Slot {
  std::atomic<int> state{kFree};
  char path[PATH_MAX] = {};
};
static_assert(std::atomic<int>::is_always_lock_free);

Slot slots[kUnfinishedSlots];

bool move(Slot& slot, int from, int to) { return slot.state.compare_exchange_strong(from, to); }

}  // namespace

int enter_unfinished(std::string_view path) {
  if (path.size() >= PATH_MAX) return -1;
  for (int i = 0; i < kUnfinishedSlots; ++i) {
    if (!move(slots[i], kFree, kFilling)) continue;
    std::memcpy(slots[i].path, path.data(), path.size());
    slots[i].path[path.size()] = '\0';
    slots[i].state.store(kHeld);
    return i;
  }
  return -1;
}

void leave_unfinished(int slot) {
  if (slot >= 0) move(slots[slot], kHeld, kFree);
}

}  // namespace internal

void remove_unfinished_files() noexcept {
  const int before = errno;
  for (internal::Slot& slot : internal::slots) {
    if (!internal::move(slot, internal::kHeld, internal::kRemoving)) continue;
    ::unlink(slot.path);
    slot.state.store(internal::kFree);
  }
  errno = before;
}

}  // namespace assay
