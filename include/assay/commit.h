// Tensor commitments: the scheme of Papamanthou, Shi and Tamassia (PST, TCC 2013) over the Lagrange basis of a grid.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/curve.h"
#include "assay/integers.h"

namespace assay::pst {

/// Who is said to have made the secrets of an SRS. A label is a claim, not evidence.
enum class Trust : std::uint8_t {
  kDev = 1,       ///< derived from a public seed: binds nobody who knows the seed
  kCeremony = 2,  ///< several parties are said to have contributed
};
[[nodiscard]] std::string_view to_string(Trust trust);

/// The verifier's part of an SRS: under 4 KB, all that `verify` needs of it. docs/formats.md gives the bytes.
struct VerifierKey {
  Axes axes;
  Trust trust;
  std::vector<G2Affine> secrets;       ///< [t_i]_2, one per axis
  std::vector<Digest> level_digests;   ///< SHA-256 of G1 level i, i = 0..m-1 (level m is the generator)

  [[nodiscard]] Bytes encode() const;

  /// Checks everything that can be told from the bytes alone: canonical, on the curve, in the subgroup.
  static Result<VerifierKey> decode(ByteSpan bytes, std::string_view place);

  /// SHA-256("assay/srs/v1" || encode()).
  [[nodiscard]] Digest digest() const;
};

/// A structured reference string: the Lagrange bases of all levels. Level i has axes.volume(i) points, the basis of
/// the axes i..m-1. Memory-mapped when opened from a file.
class Srs {
 public:
  /// The secrets t_i = SHA-512("assay/srs/dev/v1" || LE64(seed) || LE32(i)), little-endian, mod r. In memory.
  static Srs dev(const Axes& axes, std::uint64_t seed);

  /// The same from given secrets, for tests with known trapdoors. The label is kDev.
  static Srs from_secrets(const Axes& axes, std::span<const Fr> secrets);

  /// Maps an SRS file: header and sizes are checked, the points are not (see verify_srs).
  static Result<Srs> open(const std::filesystem::path& path);

  /// Writes the SRS file; it is complete under `path` or not there.
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  /// Makes the dev SRS of axes and seed straight into a file, without holding it in memory.
  static Status write_dev(const Axes& axes, std::uint64_t seed, const std::filesystem::path& path);

  [[nodiscard]] const VerifierKey& verifier_key() const;
  [[nodiscard]] const Axes& axes() const { return verifier_key().axes; }

  /// The points of level `i` in [0, m]; level m is the generator alone.
  [[nodiscard]] std::span<const G1Affine> level(std::size_t i) const;

 private:
  struct State;
  explicit Srs(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// Shows with pairings and random weights that an SRS file is well formed: points on the curve, level digests,
/// levels are sums, the level-0 points sum to G, and the degree relation of every axis. docs/commit.md has the
/// equations. It cannot show that nobody knows the secrets.
[[nodiscard]] Verdict verify_srs(const Srs& srs);

/// C = sum_j values[j] * L_j. Errors: kMismatch when the count is not axes.volume().
[[nodiscard]] Result<G1Affine> commit(const Srs& srs, IntegerView values);

/// p(z) and the quotient commitments [q_i(t)]_1, one per axis.
struct Opening {
  Fr value;
  std::vector<G1Affine> quotients;
};

/// Opens at a grid point. Scalars stay data-sized for axes of at most 16 nodes. Errors: kMismatch, kOutOfRange.
[[nodiscard]] Result<Opening> open(const Srs& srs, IntegerView values, std::span<const std::uint32_t> grid_point);

/// Opens at any point of Fr^m. Errors: kMismatch.
[[nodiscard]] Result<Opening> open_at(const Srs& srs, IntegerView values, std::span<const Fr> point);

/// A statement "the tensor under `commitment` takes opening.value at `point`".
struct Statement {
  G1Affine commitment;
  std::vector<Fr> point;
  Opening opening;
};

/// Checks statements under one verifier key, with the Miller lines of its points prepared.
class Verifier {
 public:
  explicit Verifier(VerifierKey key);
  [[nodiscard]] const VerifierKey& key() const { return key_; }

  /// e(C - yG + sum_i z_i pi_i, [1]_2) = prod_i e(pi_i, [t_i]_2). Steps: "proof shape", "opening equation".
  [[nodiscard]] Verdict check(const Statement& statement) const;

  /// All at once by random weights of 128 bits from the operating system; when the sum fails, each alone, so that a
  /// rejection names the first bad one. Errors of randomness make it inconclusive.
  [[nodiscard]] Verdict check_all(std::span<const Statement> statements) const;

 private:
  VerifierKey key_;
  std::vector<curve::PreparedG2> prepared_;  // [1]_2 with sign, then [t_i]_2
};

// ---- The coefficient view: p = sum_a c_a x^a, a in C order over the exponents, degree of x_i below axes[i].

/// Coefficients of the polynomial that takes the values on the grid: inverse Vandermonde along each axis in turn.
[[nodiscard]] Result<std::vector<Fr>> interpolate(const Axes& axes, IntegerView values);

/// The grid values of the polynomial; the inverse of interpolate.
[[nodiscard]] Result<std::vector<Fr>> grid_values(const Axes& axes, std::span<const Fr> coefficients);

/// p(point) by Horner's rule. Errors: kMismatch.
[[nodiscard]] Result<Fr> evaluate(const Axes& axes, std::span<const Fr> coefficients, std::span<const Fr> point);

/// Commits to the polynomial with these coefficients: the same point as commit() of its grid values.
[[nodiscard]] Result<G1Affine> commit_coefficients(const Srs& srs, std::span<const Fr> coefficients);

}  // namespace assay::pst
