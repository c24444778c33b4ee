// Fp12 with the six coordinates of each half side by side in AVX-512 IFMA lanes: the operations of
// field::Dodecic, which is their oracle.
#pragma once

#include "field/target_ifma.h"

#if defined(ASSAY_HAS_IFMA)
#include <array>
#include <cstdint>

#include "field/parameters.h"
#include "field/tower.h"

namespace assay::field {

class DodecicIfma {
 public:
  /// Twelve elements of Fp in the storage form of every kernel, in the order of the tower.
  using Coordinates = std::array<Limbs, 12>;

  /// Two scales for the two coefficients of lines.
  class LineScale {
   public:
    static LineScale of(const Limbs& b, const Limbs& c);

   private:
    friend class DodecicIfma;
    std::array<std::array<std::uint64_t, 8>, 5> limb_;
  };

  static DodecicIfma one();
  static DodecicIfma load(const Coordinates& coordinates);
  [[nodiscard]] Coordinates store() const;

  friend DodecicIfma operator*(const DodecicIfma& a, const DodecicIfma& b);
  DodecicIfma& operator*=(const DodecicIfma& b) { return *this = *this * b; }
  [[nodiscard]] DodecicIfma squared() const;
  [[nodiscard]] DodecicIfma cyclotomic_squared() const;
  [[nodiscard]] DodecicIfma conjugate() const;
  [[nodiscard]] DodecicIfma inverse() const;
  [[nodiscard]] DodecicIfma frobenius() const;

  /// Product with 1 + b w + c v w, where `line` is b then c before they are scaled.
  [[nodiscard]] DodecicIfma times_line(const std::array<Limbs, 4>& line, const LineScale& scale) const;

 private:
  struct Lanes;
  /// Half, limb, lane: five limbs of 52 bits of values below 37/16 p, times 2^260. Lanes 6 and 7 are idle.
  std::array<std::array<std::array<std::uint64_t, 8>, 5>, 2> half_;
};
static_assert(Fp12Arithmetic<DodecicIfma>);

}  // namespace assay::field
#endif
