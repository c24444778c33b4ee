#include "assay/integers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <type_traits>

#include "base/check.h"
#include "base/try.h"

namespace assay {

std::size_t IntegerView::element_size() const {
  return visit([](auto typed) { return sizeof(typename decltype(typed)::value_type); });
}

IntegerView IntegerView::subview(std::size_t offset, std::size_t count) const {
  ASSAY_CHECK(offset <= size_ && count <= size_ - offset, offset, count, size_);
  if (count == 0) return {kind_, data_, 0};
  return {kind_, static_cast<const std::uint8_t*>(data_) + offset * element_size(), count};
}

Scalar IntegerView::operator[](std::size_t i) const {
  ASSAY_CHECK_LT(i, size_);
  return visit([i](auto typed) {
    if constexpr (std::is_same_v<typename decltype(typed)::value_type, Scalar>) {
      return typed[i];
    } else {
      return Scalar::from_i64(typed[i]);
    }
  });
}

Result<Axes> Axes::from(std::span<const std::uint64_t> sizes, std::string_view place) {
  const auto out_of_range = [&](std::string reason) {
    return Error{ErrorCode::kOutOfRange, std::string(place), std::move(reason)};
  };
  if (sizes.empty() || sizes.size() > kMaxCount) {
    return out_of_range(fmt::format("{} axes, 1 to {} are possible", sizes.size(), kMaxCount));
  }
  std::vector<std::uint32_t> checked;
  std::uint64_t volume = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0 || sizes[i] > kMaxSize) {
      return out_of_range(fmt::format("axis {} of {} nodes, 1 to {} are possible", i, sizes[i], kMaxSize));
    }
    volume *= sizes[i];  // below 2^32 * 2^20
    if (volume > kMaxVolume) return out_of_range(fmt::format("more than 2^32 values from axis {} on", i));
    checked.push_back(static_cast<std::uint32_t>(sizes[i]));
  }
  return Axes(std::move(checked));
}

Result<Axes> Axes::parse(std::string_view text, std::string_view place) {
  std::vector<std::uint64_t> sizes;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (;;) {
    std::uint64_t size = 0;
    const auto [next, failure] = std::from_chars(at, end, size);
    if (failure == std::errc::result_out_of_range) {
      return Error{ErrorCode::kOutOfRange, std::string(place),
                   fmt::format("axis {} has more than {} nodes", sizes.size(), kMaxSize)};
    }
    const bool leading_zero = next - at > 1 && *at == '0';
    if (failure != std::errc{} || leading_zero || (next != end && *next != ',')) {
      return Error{ErrorCode::kMalformed, std::string(place),
                   fmt::format("axis {} is not a number: write axes as in 6,6,6", sizes.size())};
    }
    sizes.push_back(size);
    if (next == end) return from(sizes, place);
    at = next + 1;
  }
}

std::uint64_t Axes::volume(std::size_t first_axis) const {
  ASSAY_CHECK_LE(first_axis, count());
  std::uint64_t product = 1;
  for (std::size_t i = first_axis; i < count(); ++i) product *= sizes_[i];
  return product;
}

Result<std::uint64_t> Axes::index_of(std::span<const std::uint32_t> coordinates) const {
  if (coordinates.size() != count()) {
    return Error{ErrorCode::kOutOfRange, "coordinates",
                 fmt::format("{} coordinates for {} axes", coordinates.size(), count())};
  }
  std::uint64_t index = 0;
  for (std::size_t i = 0; i < count(); ++i) {
    if (coordinates[i] >= sizes_[i]) {
      return Error{ErrorCode::kOutOfRange, "coordinates",
                   fmt::format("coordinate {} is {}, axis {} has {} nodes", i, coordinates[i], i, sizes_[i])};
    }
    index = index * sizes_[i] + coordinates[i];
  }
  return index;
}

std::vector<std::uint32_t> Axes::coordinates_of(std::uint64_t index) const {
  ASSAY_CHECK_LT(index, volume());
  std::vector<std::uint32_t> coordinates(count());
  for (std::size_t i = count(); i-- > 0;) {
    coordinates[i] = static_cast<std::uint32_t>(index % sizes_[i]);
    index /= sizes_[i];
  }
  return coordinates;
}

std::string Axes::to_string() const { return fmt::format("{}", fmt::join(sizes_, ",")); }

}  // namespace assay
