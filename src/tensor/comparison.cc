#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "assay/tensor_comparison.h"
#include "base/threads.h"
#include "base/try.h"
#include "tensor/float_bits.h"
#include "tensor/load.h"

namespace assay::tensor {
namespace {

/// A layer of both files, and the tokens that are looked at.
struct Pair {
  const TensorView* a;
  const TensorView* b;
  std::uint64_t width;
  std::uint64_t first, last;
};

std::uint64_t width_of(const TensorView& layer) { return layer.shape.empty() ? 1 : layer.shape.back(); }

/// Bits of a row where they are compared as such; the values as float64 otherwise.
void read_row(const TensorView& layer, std::uint64_t first, std::span<double> out) {
  const std::uint8_t* const at = layer.bytes.data() + first * size_of(layer.dtype);
  const auto read = [&]<class Stored>(Stored, auto convert) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = convert(load<Stored>(at + i * sizeof(Stored)));
  };
  switch (layer.dtype) {
    case Dtype::kF16:
      read(std::uint16_t{}, from_f16);
      break;
    case Dtype::kBF16:
      read(std::uint16_t{}, from_bf16);
      break;
    case Dtype::kF32:
      read(float{}, [](float value) { return double{value}; });
      break;
    default:
      read(double{}, [](double value) { return value; });
  }
}

std::uint64_t count_unequal(const Pair& pair, std::uint64_t row, std::span<const double> a,
                            std::span<const double> b) {
  std::uint64_t unequal = 0;
  if (pair.a->dtype != pair.b->dtype) {
    for (std::size_t i = 0; i < a.size(); ++i) unequal += a[i] == b[i] ? 0 : 1;
    return unequal;
  }
  const std::size_t size = size_of(pair.a->dtype);
  const std::uint8_t* const from_a = pair.a->bytes.data() + row * pair.width * size;
  const std::uint8_t* const from_b = pair.b->bytes.data() + row * pair.width * size;
  if (std::equal(from_a, from_a + pair.width * size, from_b)) return 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    unequal += std::equal(from_a + i * size, from_a + (i + 1) * size, from_b + i * size) ? 0 : 1;
  return unequal;
}

/// The places of the `count` largest magnitudes, ascending.
void find_largest(std::span<const double> values, std::size_t count, std::vector<std::uint32_t>& places) {
  places.resize(values.size());
  std::iota(places.begin(), places.end(), 0U);
  const auto magnitude = [&](std::uint32_t i) {
    return std::isnan(values[i]) ? std::numeric_limits<double>::infinity() : std::fabs(values[i]);
  };
  const auto larger = [&](std::uint32_t i, std::uint32_t j) {
    const double x = magnitude(i);
    const double y = magnitude(j);
    return x != y ? x > y : i < j;
  };
  if (count < places.size())
    std::nth_element(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(count), places.end(),
                     larger);
  places.resize(count);
  std::sort(places.begin(), places.end());
}

/// What the rows of one range are compared in, kept from row to row.
struct Workspace {
  std::vector<double> a, b;
  std::vector<std::uint32_t> largest_a, largest_b, common;
};

void measure(Workspace& work, RowDifference& out) {
  double largest = 0;
  for (std::size_t i = 0; i < work.a.size(); ++i) {
    largest = std::max({largest, std::fabs(work.a[i]), std::fabs(work.b[i])});
    if (!std::isfinite(work.a[i]) || !std::isfinite(work.b[i])) {
      out.relative_error = std::numeric_limits<double>::infinity();
      out.cosine = 0;
      return;
    }
  }
  // Squares of float64 values may leave its range. A power of two changes no digit.
  const double scale = largest > 0 ? std::ldexp(1, std::min(-std::ilogb(largest), 1000)) : 1;
  double aa = 0;
  double bb = 0;
  double ab = 0;
  double dd = 0;
  for (std::size_t i = 0; i < work.a.size(); ++i) {
    const double x = work.a[i] * scale;
    const double y = work.b[i] * scale;
    aa += x * x;
    bb += y * y;
    ab += x * y;
    dd += (y - x) * (y - x);
  }
  out.relative_error = dd == 0 ? 0 : std::sqrt(dd) / std::sqrt(aa);
  out.cosine =
      aa > 0 && bb > 0 ? std::clamp(ab / std::sqrt(aa) / std::sqrt(bb), -1.0, 1.0) : (aa == bb ? 1.0 : 0.0);
}

RowDifference compare_row(const Pair& pair, std::uint64_t row, std::size_t top, Workspace& work) {
  read_row(*pair.a, row * pair.width, work.a);
  read_row(*pair.b, row * pair.width, work.b);
  RowDifference out;
  out.unequal = count_unequal(pair, row, work.a, work.b);
  if (out.unequal == 0) return out;
  measure(work, out);
  find_largest(work.a, top, work.largest_a);
  find_largest(work.b, top, work.largest_b);
  work.common.clear();
  std::set_intersection(work.largest_a.begin(), work.largest_a.end(), work.largest_b.begin(),
                        work.largest_b.end(), std::back_inserter(work.common));
  out.overlap = static_cast<double>(work.common.size()) / static_cast<double>(top);
  return out;
}

Result<Pair> pair_of(const TensorView& a, const TensorView& b, const ComparisonOptions& options) {
  const auto refused = [&](ErrorCode code, std::string reason) {
    return Error{code, "layer " + a.name, std::move(reason)};
  };
  for (const TensorView* layer : {&a, &b})
    if (!is_float(layer->dtype))
      return refused(ErrorCode::kUnsupported,
                     fmt::format("is of {}, floating-point values are compared", short_name(layer->dtype)));
  const std::uint64_t width = width_of(a);
  if (width_of(b) != width)
    return refused(ErrorCode::kMismatch,
                   fmt::format("rows of {} values in one file, of {} in the other", width, width_of(b)));
  if (width == 0) return refused(ErrorCode::kMismatch, "rows without values");
  const std::uint64_t in_a = a.size() / width;
  const std::uint64_t in_b = b.size() / width;
  const std::uint64_t last = options.last_row.value_or(std::max(in_a, in_b));
  if (!options.last_row && in_a != in_b)
    return refused(
        ErrorCode::kMismatch,
        fmt::format("{} tokens in one file, {} in the other; name those that both have", in_a, in_b));
  // To compare no token would say that nothing differs.
  if (last > std::min(in_a, in_b) || options.first_row >= last)
    return refused(ErrorCode::kOutOfRange, fmt::format("no tokens {} to {}, the files have {} and {}",
                                                       options.first_row, last, in_a, in_b));
  return Pair{&a, &b, width, options.first_row, last};
}

using Layers = std::vector<const TensorView*>;

/// A name's text with a 0 for each number, and the numbers, which compare as such: by digits, then as text.
struct NumberedName {
  std::string text;
  std::vector<std::pair<std::size_t, std::string>> numbers;

  explicit NumberedName(std::string_view name) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    for (std::size_t i = 0; i < name.size(); ++i) {
      if (!is_digit(name[i])) {
        text += name[i];
        continue;
      }
      std::string digits;
      for (; i < name.size() && is_digit(name[i]); ++i)
        if (!digits.empty() || name[i] != '0') digits += name[i];
      --i;
      text += '0';
      numbers.emplace_back(digits.size(), std::move(digits));
    }
  }
};

/// The layers in the order of the file, but where names differ in numbers alone, in that of the numbers: some
/// programs write files with layer_10 before layer_2.
Layers in_order(std::span<const TensorView> layers) {
  std::map<std::string, std::vector<std::size_t>> places;
  std::vector<NumberedName> names;
  names.reserve(layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    names.emplace_back(layers[i].name);
    places[names.back().text].push_back(i);
  }
  Layers ordered(layers.size());
  for (const auto& [text, listed] : places) {
    std::vector<std::size_t> sorted = listed;
    std::ranges::stable_sort(
        sorted, {}, [&](std::size_t i) -> const auto& { return names[i].numbers; });
    for (std::size_t i = 0; i < listed.size(); ++i) ordered[listed[i]] = &layers[sorted[i]];
  }
  return ordered;
}

const TensorView* find(const Layers& layers, const std::string& name) {
  const auto found = std::ranges::find(layers, name, [](const TensorView* layer) { return layer->name; });
  return found == layers.end() ? nullptr : *found;
}

LayerDifference compare_layer(const Pair& pair, std::uint64_t top, Progress& progress) {
  LayerDifference out{pair.a->name, pair.b->name, pair.a->dtype, pair.b->dtype, pair.width, {}};
  out.rows.resize(pair.last - pair.first);
  constexpr std::size_t kGrain = 8;
  parallel_for(0, out.rows.size(), kGrain, [&](std::size_t first, std::size_t last) {
    Workspace work;
    work.a.resize(pair.width);
    work.b.resize(pair.width);
    const auto kept = static_cast<std::size_t>(std::min(std::max<std::uint64_t>(top, 1), pair.width));
    for (std::size_t i = first; i < last; ++i) out.rows[i] = compare_row(pair, pair.first + i, kept, work);
    progress.advance(last - first);
  });
  return out;
}

}  // namespace

Result<Comparison> Comparison::of(std::span<const TensorView> first, std::span<const TensorView> second,
                                  const ComparisonOptions& options) {
  const Layers a = in_order(first);
  const Layers b = in_order(second);
  Comparison out;
  out.first_row_ = options.first_row;
  std::vector<Pair> pairs;
  if (options.by_order && a.size() != b.size())
    return Error{ErrorCode::kMismatch, "layers",
                 fmt::format("{} in one file, {} in the other", a.size(), b.size())};
  std::uint64_t rows = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const TensorView* const other = options.by_order ? b[i] : find(b, a[i]->name);
    if (other == nullptr) {
      out.only_in_a_.push_back(a[i]->name);
      continue;
    }
    pairs.push_back(ASSAY_TRY(pair_of(*a[i], *other, options)));
    rows += pairs.back().last - pairs.back().first;
  }
  if (!options.by_order)
    for (const TensorView* layer : b)
      if (find(a, layer->name) == nullptr) out.only_in_b_.push_back(layer->name);
  if (pairs.empty())
    return Error{ErrorCode::kMismatch, "layers", "no layer is in both files; pair them by order?"};
  if (rows > kMaxRows)
    return Error{ErrorCode::kTooLarge, "layers",
                 fmt::format("{} rows, at most {} are compared at once; name fewer tokens", rows, kMaxRows)};
  Progress progress("comparing", rows);
  out.layers_.reserve(pairs.size());
  for (const Pair& pair : pairs) out.layers_.push_back(compare_layer(pair, options.top, progress));
  return out;
}

bool Comparison::differs(const RowDifference& row, std::optional<double> tolerance) {
  return tolerance ? !(row.relative_error <= *tolerance) : row.unequal > 0;
}

std::optional<Comparison::Place> Comparison::first(std::optional<double> tolerance) const {
  for (std::size_t layer = 0; layer < layers_.size(); ++layer)
    for (std::size_t row = 0; row < layers_[layer].rows.size(); ++row)
      if (differs(layers_[layer].rows[row], tolerance)) return Place{layer, first_row_ + row};
  return std::nullopt;
}

std::optional<Comparison::Place> Comparison::first_token(std::optional<double> tolerance) const {
  std::optional<Place> found;
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    const std::vector<RowDifference>& rows = layers_[layer].rows;
    for (std::size_t row = 0; row < rows.size() && (!found || first_row_ + row < found->row); ++row)
      if (differs(rows[row], tolerance)) found = Place{layer, first_row_ + row};
  }
  return found;
}

}  // namespace assay::tensor
