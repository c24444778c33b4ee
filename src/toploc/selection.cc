#include <fmt/format.h>

#include <algorithm>

#include "assay/toploc.h"
#include "toploc/kernel.h"

#ifndef __GLIBCXX__
#error "the tie rule libstdc++ takes the algorithms of GNU's standard library"
#endif

namespace assay::toploc {
namespace {

// What torch.topk compares: NaN before everything, two NaN equal. Magnitudes of NaN are those over 0x7f80.
constexpr std::uint16_t kRankOfNan = 0x7f81;

std::uint64_t rank_of(std::uint16_t value) { return std::min<std::uint16_t>(value & 0x7fff, kRankOfNan); }

// A value as a number with its rank above its index. The order of libstdc++ sees the rank alone; what it does
// with equal ranks depends on nothing but the outcomes of comparisons, so that these entries end where
// torch's pairs of float and index do.
struct LibstdcxxOrder {
  static std::uint64_t entry(std::uint16_t value, std::size_t index) { return rank_of(value) << 32 | index; }
  static std::uint32_t index(std::uint64_t entry) { return static_cast<std::uint32_t>(entry); }
  bool operator()(std::uint64_t a, std::uint64_t b) const { return a >> 32 > b >> 32; }
};

struct LowerIndexOrder {
  static std::uint64_t entry(std::uint16_t value, std::size_t index) {
    return rank_of(value) << 32 | (UINT32_MAX - index);
  }
  static std::uint32_t index(std::uint64_t entry) { return UINT32_MAX - static_cast<std::uint32_t>(entry); }
  bool operator()(std::uint64_t a, std::uint64_t b) const { return a > b; }
};

// Puts a better entry in place of the worst, which is on top of the heap. std::pop_heap lets the gap sink to
// the bottom, the worse child rising, on equal ranks the right one, and the entry rise from there over all
// that are better. Ranks do not fall on the way down, so it comes to rest where this stops: above the first
// child that is better, for most entries near the top.
template <class Order>
void replace_worst(std::span<std::uint64_t> heap, std::uint64_t entry) {
  const Order better;
  std::size_t gap = 0;
  for (std::size_t child = 2; child <= heap.size(); child = 2 * gap + 2) {
    if (child == heap.size() || better(heap[child], heap[child - 1])) --child;
    if (better(heap[child], entry)) break;
    heap[gap] = heap[child];
    gap = child;
  }
  heap[gap] = entry;
}

// std::partial_sort keeps the best so far in a heap, worst on top, and walks over the rest; an element that
// goes before the top takes its place. In either order only one of a higher rank does, so the walk is a
// search for magnitudes over that of the top.
template <class Order>
std::vector<std::uint64_t> take_by_heap(std::span<const std::uint16_t> values, std::size_t k) {
  const internal::Kernel& kernel = internal::kernel();
  std::vector<std::uint64_t> heap(k);
  for (std::size_t i = 0; i < k; ++i) heap[i] = Order::entry(values[i], i);
  std::ranges::make_heap(heap, Order());
  const auto lowest = [&heap] { return static_cast<std::uint16_t>(heap.front() >> 32); };
  std::size_t i = kernel.find_above(values.data(), k, values.size(), lowest());
  while (i < values.size() && lowest() < kRankOfNan) {
    replace_worst<Order>(heap, Order::entry(values[i], i));
    i = kernel.find_above(values.data(), i + 1, values.size(), lowest());
  }
  return heap;
}

template <class Order>
std::vector<std::uint64_t> take_by_partition(std::span<const std::uint16_t> values, std::size_t k) {
  std::vector<std::uint64_t> entries(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) entries[i] = Order::entry(values[i], i);
  std::nth_element(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(k - 1), entries.end(),
                   Order());
  entries.resize(k);
  return entries;
}

template <class Order>
std::vector<std::uint32_t> select_by(std::span<const std::uint16_t> values, std::size_t k) {
  // Where torch.topk goes from one algorithm to the other.
  const bool few = k * 64 <= values.size();
  const std::vector<std::uint64_t> entries =
      few ? take_by_heap<Order>(values, k) : take_by_partition<Order>(values, k);
  std::vector<std::uint32_t> indices(k);
  std::ranges::transform(entries, indices.begin(), Order::index);
  std::ranges::sort(indices);
  return indices;
}

}  // namespace

std::string_view to_string(TieRule rule) { return rule == TieRule::kLibstdcxx ? "libstdc++" : "lower-index"; }

std::optional<TieRule> tie_rule(std::string_view name) {
  for (const TieRule rule : {TieRule::kLibstdcxx, TieRule::kLowerIndex}) {
    if (to_string(rule) == name) return rule;
  }
  return {};
}

Result<std::vector<std::uint32_t>> select(std::span<const std::uint16_t> values, std::uint32_t k,
                                          TieRule rule) {
  if (k == 0 || k > kMaxTopK)
    return Error{ErrorCode::kOutOfRange, "k", fmt::format("{} is not in 1 to {}", k, kMaxTopK)};
  if (values.size() > kMaxChunk)
    return Error{ErrorCode::kTooLarge, "",
                 fmt::format("a chunk of {} values, at most {} are taken", values.size(), kMaxChunk)};
  if (values.size() < k)
    return Error{ErrorCode::kOutOfRange, "", fmt::format("{} values, fewer than k = {}", values.size(), k)};
  return rule == TieRule::kLibstdcxx ? select_by<LibstdcxxOrder>(values, k)
                                     : select_by<LowerIndexOrder>(values, k);
}

}  // namespace assay::toploc
