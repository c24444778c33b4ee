// The table of temporary files that a signal handler may read: a fixed number of slots, no locks, no
// allocation.
#pragma once

#include <string_view>

namespace assay::internal {

inline constexpr int kUnfinishedSlots = 64;

/// A slot that holds `path`, or -1 when all are taken or the path is too long for one.
int enter_unfinished(std::string_view path);

/// Empties a slot; -1 is none.
void leave_unfinished(int slot);

}  // namespace assay::internal
