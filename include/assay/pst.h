// Tensor commitments: the scheme of Papamanthou, Shi and Tamassia (PST, TCC 2013) over the Lagrange basis of
// a grid.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/curve.h"
#include "assay/integers.h"
#include "assay/setup.h"
#include "assay/world.h"

namespace assay::pst {

using setup::to_string;
using setup::Trust;

/// The verifier's part of an SRS: under 4 KB, all that `verify` needs of it. docs/pst.md gives the bytes.
struct VerifierKey {
  Axes axes;
  Trust trust;
  std::vector<G2Affine> secrets;      ///< [t_i]_2, one per axis, never infinity
  std::vector<Digest> level_digests;  ///< SHA-256 of G1 level i, i = 0..m-1 (level m is the generator)
  std::uint32_t contributors = 0;     ///< of the ceremony; 0 of a dev SRS
  Digest transcript = {};             ///< digest of the ceremony's transcript; zero of a dev SRS

  /// "dev", or "ceremony(3)": what the file says of itself.
  [[nodiscard]] std::string label() const;

  [[nodiscard]] Bytes encode() const;

  /// Checks everything that can be told from the bytes alone: canonical, on the curve, in the subgroup.
  /// Errors: kMalformed, kNonCanonical, kOutOfRange (axes, trust, contributors), kUnsupported (version,
  /// a ceremony without transcript).
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

  /// Whether a file begins as an SRS file does, with all levels or not. Errors: kIo.
  static Result<bool> is_srs(const std::filesystem::path& path);

  /// Writes the SRS file; it is complete under `path` or not there. Errors: kIo.
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  /// Makes the dev SRS of axes and seed straight into a file, in blocks, without holding it in memory.
  /// Errors: kIo.
  static Status write_dev(const Axes& axes, std::uint64_t seed, const std::filesystem::path& path);

  [[nodiscard]] const VerifierKey& verifier_key() const;
  [[nodiscard]] const Axes& axes() const { return verifier_key().axes; }

  /// The levels from here on are there. 0 but for a file of write_levels().
  [[nodiscard]] std::size_t first_level() const;
  /// The points of level `i` in [first_level(), m]; level m is the generator alone.
  [[nodiscard]] std::span<const G1Affine> level(std::size_t i) const;
  /// Whether level `i` is there. Errors: kUnsupported, with the level that is needed.
  [[nodiscard]] Status require_level(std::size_t i) const;

  /// Writes a file without the levels before `first`, of which the verifier's part is the same: enough to
  /// check slices that fix the first axes. Errors: kIo, kOutOfRange (first below first_level() or not below
  /// m).
  [[nodiscard]] Status write_levels(std::size_t first, const std::filesystem::path& path) const;

 private:
  friend struct SrsAccess;
  struct State;
  explicit Srs(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// Looks for secrets that everybody knows: of absolute value to 2^20, equal or opposite ones, and, where the
/// label does not say dev, those of a dev SRS of a seed below 1,024 and of the original pipeline's setup.
/// Takes some 30 ms. Step: "verifier key" (also one that is not canonical).
[[nodiscard]] Verdict check_key(const VerifierKey& key);

/// Shows with pairings and random weights that an SRS is well formed. Steps: "levels" (inconclusive: the file
/// has not all of them), "verifier key", "points" (on the curve, none at infinity), "level digests", "random
/// weights" (inconclusive), "level sums", "generator sum", "degree relation", "independent secrets" (one is a
/// power of another); figures name the level, the point or the axis. docs/pst.md has the equations. It cannot
/// show that nobody knows the secrets.
[[nodiscard]] Verdict verify_srs(const Srs& srs, const World& world = World::system());

/// As verify_srs(), and that the SRS is what the ceremony ended with. Steps, in order: "trust label" (the SRS
/// is not said to be of a ceremony), "transcript digest" (of another one, or another number of contributors),
/// "contributors", "ceremony secrets" (not those that the transcript ends with), those of
/// setup::check_ceremony(), those of verify_srs(). An SRS of which this is accepted is as good as the best of
/// its contributors; whether one of them was honest is for the verifier to judge.
[[nodiscard]] Verdict verify_with_transcript(const Srs& srs, const setup::Ceremony& ceremony,
                                             const World& world = World::system());

/// What became of a ceremony's powers: no SRS unless they were accepted.
struct Finalized {
  Verdict powers;  ///< of setup::check_contributors and setup::check_powers
  std::optional<Srs> srs;
};

/// Makes the SRS over `axes` out of a ceremony's powers, in memory: each axis, in order, takes the next axis
/// of the ceremony with at least as many nodes. Errors: kMismatch (an axis does not fit), kTooLarge (over
/// Srs::kMaxPointsInMemory, memory).
[[nodiscard]] Result<Finalized> finalize(const setup::Powers& powers, const Axes& axes,
                                         const World& world = World::system());

/// Checks one level against a verifier key that the caller trusts, by its digest: what a verifier does before
/// it commits to a slice itself. Steps: "axes", "levels" (inconclusive: it is not there), "level digests".
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
  /// of integers of different widths), kOutOfRange (a segment past the last value), kUnsupported (an SRS
  /// without level 0).
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

/// How many proof points open the parts: of each the axes along which it differs from the one before.
[[nodiscard]] std::uint64_t quotients_of(const Selection& selection, const Axes& axes);

/// Opens parts that fix any of the axes, these taken in ascending order. The quotients stand part by part,
/// axis by axis, without those that a part shares with the part before it; quotients_of() counts them.
/// Errors: those of Selection::check; kMismatch (count of values), kTooLarge (memory).
[[nodiscard]] Result<std::vector<G1Affine>> open_parts(const Srs& srs, IntegerView values,
                                                       const Selection& selection,
                                                       KeptQuotients* kept = nullptr);

/// The Lagrange basis of the axes that are not fixed: the SRS's level behind the leading fixed ones, summed
/// over the others.
class PartBasis {
 public:
  /// `fixed` as of a selection that Selection::check takes. Errors: kUnsupported (the SRS has not the level),
  /// kTooLarge (memory).
  static Result<PartBasis> make(const Srs& srs, std::span<const std::uint32_t> fixed);
  PartBasis(PartBasis&&) = default;
  PartBasis& operator=(PartBasis&&) = default;
  PartBasis(const PartBasis&) = delete;
  PartBasis& operator=(const PartBasis&) = delete;
  ~PartBasis() = default;

  /// In C order of the axes that are left; the generator alone where none is.
  [[nodiscard]] std::span<const G1Affine> points() const { return points_; }

 private:
  PartBasis(const Srs& srs, std::span<const G1Affine> level) : srs_(srs), points_(level) {}
  Srs srs_;  // whose points these may be
  std::vector<G1Affine> sums_;
  std::span<const G1Affine> points_;
};

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

/// A statement "the tensor under `commitment` has these values in the parts of `selection`".
struct PartsStatement {
  /// Values that stand one after the other in a part.
  struct Run {
    std::uint64_t first;  ///< counted through all parts, each in C order of the axes that are not fixed
    std::uint64_t count;
  };

  G1Affine commitment;
  Selection selection;
  std::vector<Run> runs;  ///< ascending, none over the end of a part; what lies between them is zero
  IntegerView values;     ///< of all runs; of entries one each
  std::vector<G1Affine> quotients;  ///< as open_parts() has them
};

/// Checks statements under one verifier key, with the Miller lines of its points prepared.
class Verifier {
 public:
  /// `key` comes from decode() or from an Srs.
  explicit Verifier(VerifierKey key);
  [[nodiscard]] const VerifierKey& key() const { return key_; }
  /// That of the key.
  [[nodiscard]] const Digest& digest() const { return digest_; }
  /// How the verifier may speak of an SRS: as its own list has it, else as "SRS unverified". What the file
  /// says of itself is quoted as the file's word. Of the original pipeline's secrets it says that everybody
  /// knows them, whatever the list has; other known secrets are for check_key() to find.
  [[nodiscard]] std::string describe_srs(const setup::TrustList& trusted) const;

  /// e(C - yG + sum_i z_i pi_i, [1]_2) = prod_i e(pi_i, [t_i]_2).
  /// Steps: "proof shape", "proof points", "opening equation".
  [[nodiscard]] Verdict check(const Statement& statement) const;

  /// The same with a commitment to the slice in place of yG, and the fixed axes alone. That commitment is
  /// made here, from the values and a level of `srs` that is compared with the key: one that comes from
  /// elsewhere may be of any polynomial in all variables, and shows nothing. Steps: "proof shape", those of
  /// check_level(), and as check().
  [[nodiscard]] Verdict check_slice(const Srs& srs, const SliceStatement& statement) const;

  /// The same for parts that fix any axes. The basis of those that are left is made here too, of a level that
  /// is compared with the key. Steps: "random weights" (inconclusive), and as check_slice().
  [[nodiscard]] Verdict check_parts(const Srs& srs, const PartsStatement& statement,
                                    const World& world = World::system()) const;

  /// All at once, m+1 pairings, by random weights of 128 bits from `world`. A rejection's item is the first
  /// bad statement. Steps: "statements" (inconclusive: there are none), "random weights" (inconclusive: the
  /// world gives none), and those of check().
  [[nodiscard]] Verdict check_all(std::span<const Statement> statements,
                                  const World& world = World::system()) const;

 private:
  friend class OpeningSum;
  VerifierKey key_;
  Digest digest_;
  std::vector<curve::PreparedG2> prepared_;  // -[1]_2, then [t_i]_2
};

/// The equations of many statements in one: both sides are summed up by random weights of 128 bits.
/// Statements may come block by block: what is folded takes no more room than one.
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

  /// Adds one about parts. `basis` is of the fixed axes; null where they are entries. That the points of the
  /// basis are those of the verifier's key is for the caller to check (check_level). Steps: as add().
  [[nodiscard]] Verdict add(const PartsStatement& statement, const PartBasis* basis);

  /// Sums up what was added, and forgets the statements.
  void fold();

  /// Adds all that the other one has folded.
  void merge(const OpeningSum& other);

  /// Whether the equations of all that were added hold, by m+1 pairings.
  [[nodiscard]] bool holds() const;

  /// Which of the statements that were added since the last fold do not hold by themselves, ascending, `most`
  /// at most: halves are asked, and halves of those that do not hold. What a half sums up to is known of its
  /// whole and of the other half.
  [[nodiscard]] std::vector<std::size_t> find_false(std::size_t most) const;

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
