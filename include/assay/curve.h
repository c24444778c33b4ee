// BN254's groups: points, their encodings, multi-scalar multiplication, pairings.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/field.h"
#include "assay/integers.h"

namespace assay {

/// Fp[i] / (i^2 + 1): c0 + c1 i.
struct Fp2 {
  Fp c0, c1;
  friend bool operator==(const Fp2&, const Fp2&) = default;
};

/// A point of G1: y^2 = x^3 + 3 over Fp. (0, 0), which is off the curve, stands for the point at infinity.
struct G1Affine {
  Fp x, y;

  static G1Affine infinity() { return {}; }
  static G1Affine generator();  ///< (1, 2)
  [[nodiscard]] bool is_infinity() const { return *this == G1Affine{}; }
  friend bool operator==(const G1Affine&, const G1Affine&) = default;
};

/// A point of G2: y^2 = x^3 + 3 / (9 + i) over Fp2, in the subgroup of order r. (0, 0) stands for infinity.
struct G2Affine {
  Fp2 x, y;

  static G2Affine infinity() { return {}; }
  static G2Affine generator();  ///< the generator of EIP-197
  [[nodiscard]] bool is_infinity() const { return *this == G2Affine{}; }
  friend bool operator==(const G2Affine&, const G2Affine&) = default;
};

namespace curve {

// ---- Encodings. Decoders refuse whatever would not encode to the same bytes, points off the curve and, in
// G2, points outside the subgroup of order r (G1 has cofactor 1). docs/curve.md gives the layouts.

/// Compressed, as arkworks writes it: x little-endian; top byte bit 7 = y > (p-1)/2, bit 6 = infinity.
[[nodiscard]] std::array<std::uint8_t, 32> encode(const G1Affine& point);
[[nodiscard]] std::array<std::uint8_t, 64> encode(const G2Affine& point);
[[nodiscard]] Result<G1Affine> decode_g1(ByteSpan bytes32, std::string_view place);
[[nodiscard]] Result<G2Affine> decode_g2(ByteSpan bytes64, std::string_view place);

/// Decodes out.size() points that stand one after the other in 32 * out.size() bytes, on all threads. Returns
/// the index of the first that decode_g1 refuses, which says why, or out.size(); `out` from there on is
/// unspecified.
[[nodiscard]] std::size_t decode_all_g1(ByteSpan bytes, std::span<G1Affine> out);

/// Compressed, as gnark writes it: x big-endian; top two bits 10 smaller y, 11 larger y, 01 infinity.
[[nodiscard]] std::array<std::uint8_t, 32> encode_gnark(const G1Affine& point);
[[nodiscard]] Result<G1Affine> decode_gnark_g1(ByteSpan bytes32, std::string_view place);

/// x || y big-endian, as the EVM's precompiled contracts take it (EIP-196); in G2 the imaginary part comes
/// first (EIP-197). Infinity is all zeros.
[[nodiscard]] std::array<std::uint8_t, 64> encode_evm(const G1Affine& point);
[[nodiscard]] std::array<std::uint8_t, 128> encode_evm(const G2Affine& point);
[[nodiscard]] Result<G1Affine> decode_evm_g1(ByteSpan bytes64, std::string_view place);
[[nodiscard]] Result<G2Affine> decode_evm_g2(ByteSpan bytes128, std::string_view place);

/// Checks points that were read raw (limbs below p, on the curve or infinity); returns the index of the first
/// bad one, or points.size().
[[nodiscard]] std::size_t find_invalid_point(std::span<const G1Affine> points);

// ---- Group operations. Variable time.

[[nodiscard]] G1Affine add(const G1Affine& a, const G1Affine& b);
[[nodiscard]] G1Affine negate(const G1Affine& a);
[[nodiscard]] G1Affine multiply_vartime(const G1Affine& a, const Fr& k);
[[nodiscard]] G2Affine add(const G2Affine& a, const G2Affine& b);
[[nodiscard]] G2Affine negate(const G2Affine& a);
[[nodiscard]] G2Affine multiply_vartime(const G2Affine& a, const Fr& k);

/// From so many points on, the cost of a sum follows the width of the largest |scalar|. A shorter sum of
/// scalars takes in each by its own width: one sum of all widths is then the fastest.
inline constexpr std::size_t kFewPoints = 100;

/// sum_i scalars[i] * bases[i]. Equal lengths.
/// Pippenger's bucket method with signed windows (Bernstein, Doumen, Lange, Oosterwijk, "Faster batch forgery
/// identification", 2012, section 4); few points times scalars by interleaving (Möller, "Algorithms for
/// multi-exponentiation", SAC 2001, section 3.2).
[[nodiscard]] G1Affine msm_vartime(std::span<const G1Affine> bases, IntegerView scalars);
[[nodiscard]] G1Affine msm_vartime(std::span<const G1Affine> bases, std::span<const Fr> scalars);

/// The same over bases that stand in several runs, one after another.
[[nodiscard]] G1Affine msm_of_runs_vartime(std::span<const std::span<const G1Affine>> runs,
                                           IntegerView scalars);

/// out[o * inner + i] = sum_j points[(o * nodes + j) * inner + i]: points over a grid, summed along the axis
/// of `nodes` nodes behind which there are `inner` points. One addition a point. `out` has points.size() /
/// nodes points, a multiple of `inner`.
void sum_axis(std::span<const G1Affine> points, std::size_t nodes, std::size_t inner,
              std::span<G1Affine> out);

/// About how many point additions msm_vartime spends on `count` integers of `bits` bits and a sign.
[[nodiscard]] std::uint64_t planned_additions(std::size_t count, unsigned bits);

/// out[i] = scalars[i] * generator. Equal lengths.
void multiply_generator_vartime(std::span<const Fr> scalars, std::span<G1Affine> out);

/// Operations on many points of the curve at once, on all threads; inversions are shared. Equal lengths,
/// which do not overlap. The scalars are split by the curve's endomorphism (Gallant, Lambert, Vanstone,
/// CRYPTO 2001).
void add_all_vartime(std::span<G1Affine> sums, std::span<const G1Affine> addends);  ///< sums[i] += addends[i]
void subtract_all_vartime(std::span<G1Affine> differences, std::span<const G1Affine> subtrahends);
void double_all_vartime(std::span<G1Affine> points);
void multiply_all_vartime(std::span<G1Affine> points, std::span<const Fr> scalars);

// ---- Polynomials over roots of unity whose coefficients are points: the transforms of RootDomain.

/// Coefficients, lowest first, into values at the nodes of the domain of that many, in RootDomain's order.
/// Their number is a power of two of at most domain.size(). n log n / 2 multiplications by a scalar.
void evaluate_vartime(const RootDomain& domain, std::span<G1Affine> coefficients);

/// The inverse of evaluate_vartime().
void interpolate_vartime(const RootDomain& domain, std::span<G1Affine> values);

// ---- Pairing: optimal ate (Vercauteren 2010), e: G1 x G2 -> GT.

/// The lines of a fixed G2 point's Miller loop.
class PreparedG2 {
 public:
  explicit PreparedG2(const G2Affine& point);
  /// Those of several points, in their order. From six on the points take their steps together, which costs
  /// about three quarters of one after the other.
  [[nodiscard]] static std::vector<PreparedG2> of_all(std::span<const G2Affine> points);
  struct Lines;
  [[nodiscard]] const Lines& lines() const { return *lines_; }

 private:
  explicit PreparedG2(Lines lines);
  std::shared_ptr<const Lines> lines_;
};

/// An element of Fp12 as twelve base field coordinates: c0.c0, c0.c1, c0.c2, c1.c0, .. of the tower in
/// docs/curve.md.
using Fp12Coordinates = std::array<Fp, 12>;

struct PairingTerm {
  G1Affine p;
  const PreparedG2* q;
};

class MillerOutput;
class Gt;

/// prod_i f(p_i, q_i), sharing one accumulator; a pair with infinity on either side contributes 1.
[[nodiscard]] MillerOutput multi_miller_loop(std::span<const PairingTerm> terms);
[[nodiscard]] Gt final_exponentiation(const MillerOutput& value);
[[nodiscard]] Gt pairing(const G1Affine& p, const G2Affine& q);

/// The product of Miller loops. It is not yet a pairing value: only final_exponentiation makes it one.
class MillerOutput {
 public:
  [[nodiscard]] const Fp12Coordinates& coordinates() const { return value_; }
  // No comparison on purpose: two Miller outputs of one pairing value may differ.

 private:
  friend MillerOutput multi_miller_loop(std::span<const PairingTerm> terms);
  explicit MillerOutput(const Fp12Coordinates& value) : value_(value) {}
  Fp12Coordinates value_;
};

/// An element of GT, the target group of the pairing: one, or what final_exponentiation gave. Nothing else
/// makes one, so coordinates that are not of the group never pass for its element.
class Gt {
 public:
  static Gt one();
  [[nodiscard]] const Fp12Coordinates& coordinates() const { return value_; }
  [[nodiscard]] bool is_one() const { return *this == one(); }
  friend bool operator==(const Gt&, const Gt&) = default;

 private:
  friend Gt final_exponentiation(const MillerOutput& value);
  explicit Gt(const Fp12Coordinates& value) : value_(value) {}
  Fp12Coordinates value_;
};

}  // namespace curve
}  // namespace assay
