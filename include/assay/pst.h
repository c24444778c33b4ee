// Tensor commitments: the scheme of Papamanthou, Shi and Tamassia (PST, TCC 2013) over the Lagrange basis of
// a grid.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/curve.h"
#include "assay/integers.h"
#include "assay/world.h"

namespace assay::pst {

/// Who is said to have made the secrets of an SRS. A label is a claim, not evidence.
enum class Trust : std::uint8_t {
  kDev = 1,       ///< derived from a public seed: binds nobody who knows the seed
  kCeremony = 2,  ///< several parties are said to have contributed
};

/// "dev" or "ceremony".
[[nodiscard]] std::string_view to_string(Trust trust);

/// The verifier's part of an SRS: under 4 KB, all that `verify` needs of it. docs/pst.md gives the bytes.
struct VerifierKey {
  Axes axes;
  Trust trust;
  std::vector<G2Affine> secrets;      ///< [t_i]_2, one per axis, never infinity
  std::vector<Digest> level_digests;  ///< SHA-256 of G1 level i, i = 0..m-1 (level m is the generator)

  [[nodiscard]] Bytes encode() const;

  /// Checks everything that can be told from the bytes alone: canonical, on the curve, in the subgroup.
  /// Errors: kMalformed, kNonCanonical, kOutOfRange (axes, trust), kUnsupported (version).
  static Result<VerifierKey> decode(ByteSpan bytes, std::string_view place);

  /// The verifier's part out of a .vk or an .srs file, told apart by content. Errors: kIo, kTooLarge, those
  /// of decode() and Srs::open.
  static Result<VerifierKey> read(const std::filesystem::path& path);

  /// SHA-256("assay/srs/v1" || encode()).
  [[nodiscard]] Digest digest() const;

  friend bool operator==(const VerifierKey&, const VerifierKey&) = default;
};

/// A structured reference string: the Lagrange bases of all levels. Level i has axes.volume(i) points, the
/// basis of the axes i..m-1. Memory-mapped when opened from a file. Copies share the points.
class Srs {
 public:
  /// What dev() and from_secrets() make in memory: at most this many points in all levels together (2 GiB).
  static constexpr std::uint64_t kMaxPointsInMemory = std::uint64_t{1} << 25;

  /// The secrets t_i = SHA-512("assay/srs/dev/v1" || LE64(seed) || LE32(i)), little-endian, mod r. In memory.
  /// Errors: kTooLarge over kMaxPointsInMemory (write_dev has no such limit).
  static Result<Srs> dev(const Axes& axes, std::uint64_t seed);

  /// The same from given secrets, for tests with known trapdoors. The label is kDev.
  /// Errors: kMismatch when the count is not axes.count(), kTooLarge.
  static Result<Srs> from_secrets(const Axes& axes, std::span<const Fr> secrets);

  /// Maps an SRS file: header, padding and sizes are checked, the points are not (see verify_srs). The file
  /// must not be changed in place while it is mapped. Errors: kIo, kMalformed, and those of
  /// VerifierKey::decode.
  static Result<Srs> open(const std::filesystem::path& path);

  /// Writes the SRS file; it is complete under `path` or not there. Errors: kIo.
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  /// Makes the dev SRS of axes and seed straight into a file, in blocks, without holding it in memory.
  /// Errors: kIo.
  static Status write_dev(const Axes& axes, std::uint64_t seed, const std::filesystem::path& path);

  [[nodiscard]] const VerifierKey& verifier_key() const;
  [[nodiscard]] const Axes& axes() const { return verifier_key().axes; }

  /// The points of level `i` in [0, m]; level m is the generator alone.
  [[nodiscard]] std::span<const G1Affine> level(std::size_t i) const;

 private:
  friend struct SrsAccess;
  struct State;
  explicit Srs(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// Shows with pairings and random weights that an SRS is well formed. Steps: "verifier key", "points" (on the
/// curve, none at infinity), "level digests", "random weights" (inconclusive), "level sums", "generator sum",
/// "degree relation"; figures name the level, the point or the axis. docs/pst.md has the equations. It cannot
/// show that nobody knows the secrets.
[[nodiscard]] Verdict verify_srs(const Srs& srs, const World& world = World::system());

/// Checks one level against a verifier key that the caller trusts, by its digest: what a verifier does before
/// it commits to a slice itself. Steps: "axes", "level digests".
[[nodiscard]] Verdict check_level(const Srs& srs, const VerifierKey& trusted, std::size_t level);

/// C = sum_j values[j] * L_j. Scalars must be residues below r, as Scalar promises.
/// Errors: kMismatch when the count is not axes.volume().
[[nodiscard]] Result<G1Affine> commit(const Srs& srs, IntegerView values);

/// Commits to a slice: values over the axes first_axis..m-1, by level first_axis.
/// Errors: kOutOfRange (first_axis > m), kMismatch when the count is not axes.volume(first_axis).
[[nodiscard]] Result<G1Affine> commit_slice(const Srs& srs, std::size_t first_axis, IntegerView values);

/// Consecutive values of a tensor, from the C-order index `first` on.
struct Segment {
  std::uint64_t first = 0;
  IntegerView values;
};

/// Commits to a tensor in parts, in any order: C is a sum over the values, and so the sum of the shares of
/// parts in which each value occurs once. Zeros need not be given.
class PartialCommitment {
 public:
  /// Values that are brought together for one multi-scalar multiplication.
  static constexpr std::size_t kMaxTogether = std::size_t{1} << 21;

  explicit PartialCommitment(Srs srs, std::size_t max_together = kMaxTogether);
  PartialCommitment(PartialCommitment&&) noexcept;
  PartialCommitment& operator=(PartialCommitment&&) noexcept;
  ~PartialCommitment();

  /// Adds values[k] * L_(first + k) of every segment. On an error nothing is added. Errors: kMismatch (runs
  /// of integers of different widths), kOutOfRange (a segment past the last value).
  [[nodiscard]] Status add(std::span<const Segment> segments);

  /// The sum so far: commit() of the values given, with zeros elsewhere.
  [[nodiscard]] G1Affine point() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// p(z) and the quotient commitments [q_i(t)]_1, one per axis; infinity where an axis has one node.
struct Opening {
  Fr value;
  std::vector<G1Affine> quotients;
};

/// Quotient commitments of a tensor's first axes, kept for later openings: pi_i depends on the first i + 1
/// coordinates alone, and the first axes are nearly all of an opening's work. The prover's own state: a wrong
/// one gives openings that do not verify.
class KeptQuotients {
 public:
  /// At most this many, and so of as many axes as have no more prefixes together; of the first one always.
  static constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 16;
  /// A file holds no more.
  static constexpr std::uint64_t kMaxBytes =
      64 + (kMaxCount + Axes::kMaxSize) * (4 + 4 * Axes::kMaxCount + 32);

  explicit KeptQuotients(Axes axes);
  [[nodiscard]] const Axes& axes() const { return axes_; }
  /// Axes of which quotients are kept.
  [[nodiscard]] std::size_t depth() const { return depth_; }
  [[nodiscard]] std::size_t size() const { return points_.size(); }

  /// The quotient of axis prefix.size() - 1, or null.
  [[nodiscard]] const G1Affine* find(std::span<const std::uint32_t> prefix) const;
  /// Does nothing for an axis that is not kept. The prefix lies within the axes.
  void keep(std::span<const std::uint32_t> prefix, const G1Affine& quotient);

  /// docs/pst.md gives the bytes. `owner` names what was committed to, and how.
  [[nodiscard]] Bytes encode(const Digest& owner) const;
  /// Canonical bytes only. Errors: kMalformed, kNonCanonical, kOutOfRange (a coordinate), kMismatch (of
  /// another owner).
  static Result<KeptQuotients> decode(ByteSpan bytes, const Axes& axes, const Digest& owner,
                                      std::string_view place);
  /// Errors: kIo, kTooLarge (over kMaxBytes), those of decode().
  static Result<KeptQuotients> read(const std::filesystem::path& path, const Axes& axes, const Digest& owner);
  /// The file is complete under `path` or not there. Errors: kIo.
  [[nodiscard]] Status write(const std::filesystem::path& path, const Digest& owner) const;

 private:
  Axes axes_;
  std::size_t depth_ = 0;
  std::map<std::vector<std::uint32_t>, G1Affine> points_;
};

/// Opens at a grid point. Scalars stay data-sized for axes of at most 16 nodes. `kept`, for the same axes and
/// values, is taken from and added to. Errors: kMismatch (count of values or coordinates), kOutOfRange (a
/// coordinate), kTooLarge (memory).
[[nodiscard]] Result<Opening> open(const Srs& srs, IntegerView values,
                                   std::span<const std::uint32_t> grid_point, KeptQuotients* kept = nullptr);

/// Opens at each of the points: what open() gives, but points that share their first coordinates share the
/// work on them. Errors: as open().
[[nodiscard]] Result<std::vector<Opening>> open_all(const Srs& srs, IntegerView values,
                                                    std::span<const std::vector<std::uint32_t>> grid_points,
                                                    KeptQuotients* kept = nullptr);

/// Makes and keeps the quotients of all nodes of the first axis: as much work as opening at each of them.
/// Errors: kMismatch, kTooLarge (memory).
[[nodiscard]] Status keep_first_axis(const Srs& srs, IntegerView values, KeptQuotients& kept);

/// Opens at any point of Fr^m; at a grid point it gives what open() gives. Errors: kMismatch, kTooLarge
/// (memory).
[[nodiscard]] Result<Opening> open_at(const Srs& srs, IntegerView values, std::span<const Fr> point);

/// Opens the slice whose first prefix.size() coordinates are fixed: one quotient per fixed coordinate.
/// Errors: as open().
[[nodiscard]] Result<std::vector<G1Affine>> open_slice(const Srs& srs, IntegerView values,
                                                       std::span<const std::uint32_t> prefix);

/// A statement "the tensor under `commitment` takes opening.value at `point`".
struct Statement {
  G1Affine commitment;
  std::vector<Fr> point;
  Opening opening;
};

/// A statement "`values`, over the axes that `prefix` leaves open, are the slice at `prefix` of the tensor
/// under `commitment`".
struct SliceStatement {
  G1Affine commitment;
  std::vector<std::uint32_t> prefix;
  IntegerView values;
  std::vector<G1Affine> quotients;
};

/// Checks statements under one verifier key, with the Miller lines of its points prepared.
class Verifier {
 public:
  /// `key` comes from decode() or from an Srs.
  explicit Verifier(VerifierKey key);
  [[nodiscard]] const VerifierKey& key() const { return key_; }

  /// e(C - yG + sum_i z_i pi_i, [1]_2) = prod_i e(pi_i, [t_i]_2).
  /// Steps: "proof shape", "proof points", "opening equation".
  [[nodiscard]] Verdict check(const Statement& statement) const;

  /// The same with a commitment to the slice in place of yG, and the fixed axes alone. That commitment is
  /// made here, from the values and a level of `srs` that is compared with the key: one that comes from
  /// elsewhere may be of any polynomial in all variables, and shows nothing. Steps: "proof shape", those of
  /// check_level(), and as check().
  [[nodiscard]] Verdict check_slice(const Srs& srs, const SliceStatement& statement) const;

  /// All at once, m+1 pairings, by random weights of 128 bits from `world`. A rejection's item is the first
  /// bad statement. Steps: "statements" (inconclusive: there are none), "random weights" (inconclusive: the
  /// world gives none), and those of check().
  [[nodiscard]] Verdict check_all(std::span<const Statement> statements,
                                  const World& world = World::system()) const;

 private:
  friend class OpeningSum;
  VerifierKey key_;
  std::vector<curve::PreparedG2> prepared_;  // -[1]_2, then [t_i]_2
};

/// The equations of many openings in one: both sides are summed up by random weights of 128 bits, so that
/// statements may come block by block and none of them is kept.
class OpeningSum {
 public:
  /// `verifier` outlives the sum. Errors: those of world.fill_random.
  static Result<OpeningSum> begin(const Verifier& verifier, const World& world = World::system());
  OpeningSum(OpeningSum&&) noexcept;
  OpeningSum& operator=(OpeningSum&&) noexcept;
  ~OpeningSum();

  /// Adds the statements, or none of them where one has not the form. Steps: "proof shape", "proof points";
  /// the item is the first bad one of these.
  [[nodiscard]] Verdict add(std::span<const Statement> statements);

  /// Whether the equations of all that were added hold, by m+1 pairings.
  [[nodiscard]] bool holds() const;

 private:
  struct State;
  explicit OpeningSum(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// ---- The coefficient view: p = sum_a c_a x^a, a in C order over the exponents, degree of x_i below axes[i].

/// Longest axis that interpolate() and grid_values() take: their work per value grows with it.
inline constexpr std::uint32_t kMaxCoefficientAxis = 1024;

/// Coefficients of the polynomial that takes the values on the grid: inverse Vandermonde along each axis in
/// turn. Errors: kMismatch (count), kTooLarge (axis over kMaxCoefficientAxis, memory).
[[nodiscard]] Result<std::vector<Fr>> interpolate(const Axes& axes, IntegerView values);

/// The grid values of the polynomial; the inverse of interpolate, with the same errors.
[[nodiscard]] Result<std::vector<Fr>> grid_values(const Axes& axes, std::span<const Fr> coefficients);

/// p(point) by Horner's rule, axis by axis. Errors: kMismatch, kTooLarge (memory).
[[nodiscard]] Result<Fr> evaluate(const Axes& axes, std::span<const Fr> coefficients,
                                  std::span<const Fr> point);

/// Commits to the polynomial with these coefficients: the same point as commit() of its grid values.
/// Errors: those of grid_values.
[[nodiscard]] Result<G1Affine> commit_coefficients(const Srs& srs, std::span<const Fr> coefficients);

}  // namespace assay::pst
