// The integers that can be committed to, and the shape that they are laid out in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "assay/base.h"

namespace assay {

/// A residue modulo the BN254 group order r, as a plain integer in [0, r), least significant word first.
///
/// A negative integer -x is r - x. What can be committed to are the integers with |x| <= (r - 1) / 2.
struct Scalar {
  std::array<std::uint64_t, 4> words{};

  static Scalar from_i64(std::int64_t value);
  static Scalar from_u64(std::uint64_t value);

  /// sign and magnitude (least significant word first). Errors: kOutOfRange over (r - 1) / 2.
  static Result<Scalar> from_magnitude(bool negative, const std::array<std::uint64_t, 4>& magnitude,
                                       std::string_view place);

  /// Decimal digits, with an optional '-'; a non-negative number is taken up to r - 1, as the
  /// original pipeline's coefficient files write residues. Errors: kMalformed, kOutOfRange.
  static Result<Scalar> from_decimal(std::string_view text, std::string_view place);

  /// 32 bytes, little-endian. Errors: kMalformed (length), kNonCanonical (not below r).
  static Result<Scalar> from_bytes(ByteSpan bytes, std::string_view place);

  [[nodiscard]] std::array<std::uint8_t, 32> to_bytes() const;

  /// True iff this stands for a negative integer: above (r - 1) / 2.
  [[nodiscard]] bool is_negative() const;

  /// |x| of the signed integer that this stands for.
  [[nodiscard]] Scalar magnitude() const;

  /// The signed integer in decimal ("-5", not r - 5).
  [[nodiscard]] std::string to_signed_decimal() const;

  /// The residue in decimal.
  [[nodiscard]] std::string to_decimal() const;

  /// Number of bits of the residue; 0 for zero.
  [[nodiscard]] unsigned bit_width() const;

  friend bool operator==(const Scalar&, const Scalar&) = default;
};

/// r, the order of BN254's groups.
inline constexpr std::array<std::uint64_t, 4> kScalarModulus = {0x43e1f593f0000001, 0x2833e84879b97091,
                                                                0xb85045b68181585d, 0x30644e72e131a029};

/// A view of integers as they lie in memory: two's complement of 8 to 64 bits, or Scalars. Nothing is
/// widened.
class IntegerView {
 public:
  enum class Kind { kI8, kI16, kI32, kI64, kScalar };

  // Implicit: whatever holds integers is a view of them. NOLINTBEGIN(google-explicit-constructor)
  IntegerView() = default;
  IntegerView(std::span<const std::int8_t> v) : IntegerView(Kind::kI8, v.data(), v.size()) {}
  IntegerView(std::span<const std::int16_t> v) : IntegerView(Kind::kI16, v.data(), v.size()) {}
  IntegerView(std::span<const std::int32_t> v) : IntegerView(Kind::kI32, v.data(), v.size()) {}
  IntegerView(std::span<const std::int64_t> v) : IntegerView(Kind::kI64, v.data(), v.size()) {}
  IntegerView(std::span<const Scalar> v) : IntegerView(Kind::kScalar, v.data(), v.size()) {}
  template <class T>
  requires std::is_constructible_v<IntegerView, std::span<const T>> IntegerView(const std::vector<T>& v)
      : IntegerView(std::span<const T>(v)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const void* data() const { return data_; }

  /// The integers from `offset` on, `count` of them. Both lie within the view.
  [[nodiscard]] IntegerView subview(std::size_t offset, std::size_t count) const;

  /// Bytes of one element: 1, 2, 4, 8 or 32.
  [[nodiscard]] std::size_t element_size() const;

  [[nodiscard]] Scalar operator[](std::size_t i) const;

  /// Calls `f` with a std::span of the element type; one instantiation per Kind.
  template <class F>
  auto visit(F&& f) const {
    switch (kind_) {
      case Kind::kI8:
        return f(typed<std::int8_t>());
      case Kind::kI16:
        return f(typed<std::int16_t>());
      case Kind::kI32:
        return f(typed<std::int32_t>());
      case Kind::kI64:
        return f(typed<std::int64_t>());
      case Kind::kScalar:
        break;
    }
    return f(typed<Scalar>());
  }

 private:
  IntegerView(Kind kind, const void* data, std::size_t size) : kind_(kind), data_(data), size_(size) {}
  template <class T>
  std::span<const T> typed() const {
    return {static_cast<const T*>(data_), size_};
  }

  Kind kind_ = Kind::kI64;
  const void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The shape of a committed tensor: 1 to 32 axes of 1 to 2^20 nodes each, at most 2^32 values, in C order.
class Axes {
 public:
  static constexpr std::size_t kMaxCount = 32;
  static constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 20;
  static constexpr std::uint64_t kMaxVolume = std::uint64_t{1} << 32;

  /// Errors: kOutOfRange, naming the axis.
  static Result<Axes> from(std::span<const std::uint64_t> sizes, std::string_view place);

  /// "6,6,6". Errors: kMalformed, kOutOfRange.
  static Result<Axes> parse(std::string_view text, std::string_view place);

  [[nodiscard]] std::size_t count() const { return sizes_.size(); }
  [[nodiscard]] std::uint32_t operator[](std::size_t axis) const { return sizes_[axis]; }
  [[nodiscard]] std::span<const std::uint32_t> sizes() const { return sizes_; }

  /// Product of the axes from `first_axis` on; 1 when first_axis == count().
  [[nodiscard]] std::uint64_t volume(std::size_t first_axis = 0) const;

  /// C-order index of a grid point. Errors: kOutOfRange (count of coordinates, or one of them).
  [[nodiscard]] Result<std::uint64_t> index_of(std::span<const std::uint32_t> coordinates) const;

  /// Grid point of a C-order index below volume().
  [[nodiscard]] std::vector<std::uint32_t> coordinates_of(std::uint64_t index) const;

  /// "6,6,6".
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Axes&, const Axes&) = default;

 private:
  explicit Axes(std::vector<std::uint32_t> sizes) : sizes_(std::move(sizes)) {}
  std::vector<std::uint32_t> sizes_;
};

/// Parts of a grid that fix the same axes: slices, or entries where all axes are fixed.
struct Selection {
  std::vector<std::uint32_t> fixed;      ///< axes, ascending
  std::vector<std::uint32_t> positions;  ///< C-order indices over the fixed axes alone, ascending

  /// Whether there are axes and positions, in ascending order and within the grid. All that follows is of a
  /// selection of which that holds. Errors: kOutOfRange, kNonCanonical (order).
  [[nodiscard]] Status check(const Axes& axes, std::string_view place) const;

  /// How many of the fixed axes are the grid's first ones, without a gap.
  [[nodiscard]] std::size_t leading() const;
  /// The axes that are not fixed, ascending.
  [[nodiscard]] std::vector<std::uint32_t> free_axes(const Axes& axes) const;
  /// Values of one part.
  [[nodiscard]] std::uint64_t part_size(const Axes& axes) const;
  /// Of part k, one for each fixed axis.
  [[nodiscard]] std::vector<std::uint32_t> coordinates(const Axes& axes, std::size_t k) const;
  /// How many of its leading coordinates part k shares with the part before it; 0 of the first.
  [[nodiscard]] std::size_t shared(const Axes& axes, std::size_t k) const;

  friend bool operator==(const Selection&, const Selection&) = default;
};

}  // namespace assay
