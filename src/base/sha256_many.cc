#include <algorithm>
#include <array>
#include <numeric>

#include "base/check.h"
#include "base/sha256.h"
#include "base/sha256_kernels.h"

namespace assay {
namespace {

// Strings are put together within windows of so many: enough that strings of like lengths meet, few enough to
// be sorted without memory of their own.
constexpr std::size_t kWindow = 256;

/// Whether the first of these is so much longer than the others that most lanes would wait for it.
bool is_longest_by_far(ByteSpan prefix, std::span<const ByteSpan> messages) {
  std::size_t blocks = 0;
  for (const ByteSpan message : messages) blocks += internal::sha256_blocks(prefix.size() + message.size());
  return internal::sha256_blocks(prefix.size() + messages.front().size()) * messages.size() > 2 * blocks;
}

/// Hashes prefix || messages[i] to *digests[i], those side by side that stand side by side.
void hash_in_order(ByteSpan prefix, std::span<const ByteSpan> messages, Digest* const* digests) {
  const internal::Sha256Kernel& kernel = internal::sha256_kernel_in_use();
  const auto worth = [&](const internal::Sha256SideBySide& way) { return messages.size() >= way.fewest; };
  while (!messages.empty()) {
    const auto way = std::ranges::find_if(kernel.many, worth);
    if (way == kernel.many.end() ||
        is_longest_by_far(prefix, messages.first(std::min(way->lanes, messages.size())))) {
      **digests++ = Sha256().update(prefix).update(messages.front()).digest();
      messages = messages.subspan(1);
      continue;
    }
    const std::size_t taken = std::min(way->lanes, messages.size());
    if (taken == way->lanes) {
      way->hash(prefix, messages.data(), digests);
    } else {  // lanes that are left over hash the empty string, to nowhere
      Digest nowhere;
      std::array<ByteSpan, internal::kSha256MaxLanes> filled{};
      std::array<Digest*, internal::kSha256MaxLanes> places;
      std::ranges::copy(messages, filled.begin());
      std::copy_n(digests, taken, places.begin());
      std::fill(places.begin() + static_cast<std::ptrdiff_t>(taken), places.end(), &nowhere);
      way->hash(prefix, filled.data(), places.data());
    }
    messages = messages.subspan(taken);
    digests += taken;
  }
}

/// A window of messages, which are put together by their blocks.
void hash_window(ByteSpan prefix, std::span<const ByteSpan> messages, std::span<Digest> digests) {
  std::array<Digest*, kWindow> places;
  std::iota(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(messages.size()), digests.data());
  const auto blocks = [&](std::size_t i) {
    return internal::sha256_blocks(prefix.size() + messages[i].size());
  };
  bool equal = true;
  for (std::size_t i = 1; i < messages.size() && equal; ++i) equal = blocks(i) == blocks(0);
  if (equal) {
    hash_in_order(prefix, messages, places.data());
    return;
  }
  // The longest first, so that the short ones are left over for fewer lanes.
  std::array<std::uint16_t, kWindow> order;
  const std::span<std::uint16_t> used(order.data(), messages.size());
  std::iota(used.begin(), used.end(), std::uint16_t{0});
  std::ranges::sort(used, std::ranges::greater{}, blocks);
  std::array<ByteSpan, kWindow> sorted;
  for (std::size_t i = 0; i < used.size(); ++i) {
    sorted[i] = messages[used[i]];
    places[i] = &digests[used[i]];
  }
  hash_in_order(prefix, std::span(sorted).first(used.size()), places.data());
}

}  // namespace

void sha256_many(ByteSpan prefix, std::span<const ByteSpan> messages, std::span<Digest> digests) {
  ASSAY_CHECK_LT(prefix.size(), internal::kSha256Block);
  ASSAY_CHECK_EQ(messages.size(), digests.size());
  while (!messages.empty()) {
    const std::size_t count = std::min(kWindow, messages.size());
    hash_window(prefix, messages.first(count), digests.first(count));
    messages = messages.subspan(count);
    digests = digests.subspan(count);
  }
}

void sha256_rows(ByteSpan prefix, ByteSpan rows, std::size_t size, std::span<Digest> digests) {
  ASSAY_CHECK_LT(prefix.size(), internal::kSha256Block);
  ASSAY_CHECK_EQ(rows.size(), size * digests.size());
  std::array<ByteSpan, kWindow> messages;
  while (!digests.empty()) {
    const std::size_t count = std::min(kWindow, digests.size());
    for (std::size_t i = 0; i < count; ++i) messages[i] = rows.subspan(i * size, size);
    hash_window(prefix, std::span(messages).first(count), digests.first(count));
    rows = rows.subspan(count * size);
    digests = digests.subspan(count);
  }
}

}  // namespace assay
