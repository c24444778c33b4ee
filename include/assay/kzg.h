// Commitments to vectors over public powers of one secret: the scheme of Kate, Zaverucha and Goldberg (KZG,
// ASIACRYPT 2010) over the roots of unity of RootDomain.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "assay/base.h"
#include "assay/curve.h"
#include "assay/integers.h"
#include "assay/setup.h"
#include "assay/world.h"

namespace assay::kzg {

/// Vectors have n = 2^k values, k from 1 to this.
inline constexpr unsigned kMaxLogSize = RootDomain::kMaxLogSize;

/// Where the powers are said to come from. A claim of the file, not evidence.
enum class Origin : std::uint8_t {
  kDev = 1,   ///< derived from a public seed: binds nobody who knows the seed
  kPtau = 2,  ///< imported from a .ptau file, of a ceremony that the file cannot prove
};

/// The verifier's part of an SRS: under 2 KB, all that checks of entries and of many points need.
/// docs/kzg.md gives the bytes.
struct VerifierKey {
  unsigned log_size;  ///< k
  Origin origin;
  /// The power of the published ceremony file that it was imported from, told by that file's digest; 0: none.
  unsigned published;
  std::vector<G2Affine> powers;  ///< [tau^(2^j)]_2 for j = 0..k-1, never infinity
  Digest basis_digest;           ///< SHA-256 of the digests of the basis's chunks

  [[nodiscard]] std::uint64_t size() const { return std::uint64_t{1} << log_size; }

  /// "dev", "ptau", or "ptau (published file of power 16)".
  [[nodiscard]] std::string label() const;

  [[nodiscard]] Bytes encode() const;

  /// Checks everything that can be told from the bytes alone: canonical, on the curve, in the subgroup.
  /// Errors: kMalformed, kNonCanonical, kOutOfRange, kUnsupported (version).
  static Result<VerifierKey> decode(ByteSpan bytes, std::string_view place);

  /// The verifier's part out of its own file or out of an SRS file, told apart by content. Errors: kIo,
  /// kTooLarge, those of decode() and Srs::open.
  static Result<VerifierKey> read(const std::filesystem::path& path);

  /// SHA-256("assay/srs/v1" || encode()).
  [[nodiscard]] Digest digest() const;

  friend bool operator==(const VerifierKey&, const VerifierKey&) = default;
};

/// A structured reference string: the Lagrange basis [L_i(tau)]_1 of the domain, in its order. Memory-mapped
/// when opened from a file. Copies share the points.
class Srs {
 public:
  /// Points that share a digest, so that a block is checked without hashing the file.
  static constexpr std::uint64_t kChunk = 1024;
  /// What dev() makes, in memory.
  static constexpr unsigned kMaxLogSizeInMemory = 24;

  /// tau = SHA-512("assay/srs/kzg/dev/v1" || LE64(seed)), little-endian, mod r. In memory.
  /// Errors: kOutOfRange (log_size), kTooLarge over kMaxLogSizeInMemory.
  static Result<Srs> dev(unsigned log_size, std::uint64_t seed);

  /// The same from a given secret, for tests with a known trapdoor. The label is kDev.
  static Result<Srs> from_secret(unsigned log_size, const Fr& tau);

  /// Maps an SRS file: header, padding, sizes and the digest over the chunks' digests are checked, the points
  /// are not (see verify_srs). The file must not be changed in place while it is mapped. Errors: kIo,
  /// kMalformed, kMismatch (the chunks' digests are not the key's), and those of VerifierKey::decode.
  static Result<Srs> open(const std::filesystem::path& path);

  /// Whether a file begins as an SRS of this room does, and not as a verifier's part alone. Errors: kIo.
  static Result<bool> is_srs(const std::filesystem::path& path);

  /// Writes the SRS file; it is complete under `path` or not there. Errors: kIo.
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  [[nodiscard]] const VerifierKey& verifier_key() const;
  [[nodiscard]] unsigned log_size() const { return verifier_key().log_size; }
  [[nodiscard]] std::uint64_t size() const { return verifier_key().size(); }
  [[nodiscard]] std::span<const G1Affine> basis() const;
  /// SHA-256 of the raw bytes of kChunk points each.
  [[nodiscard]] std::span<const Digest> chunk_digests() const;

 private:
  friend struct SrsAccess;
  struct State;
  explicit Srs(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// Reads the powers of a ceremony from a .ptau file (iden3's container, as snarkjs writes it) and writes the
/// SRS for 2^log_size values: block by block, in memory of 16 bytes a value. The Lagrange basis is the file's
/// own, and computed from the powers, in memory of some hundred bytes a value, where the file has none.
/// Everything that is used is checked against the generators by pairings and random combinations; docs/kzg.md
/// lists the checks. A dev SRS is recognised by nobody: who can make powers up can put them into such a file.
/// Errors: kIo; kMalformed, kNonCanonical, kUnsupported, kOutOfRange and kMismatch for what the file is not;
/// kTooLarge (memory, where the basis is computed).
[[nodiscard]] Result<VerifierKey> import_ptau(const std::filesystem::path& ptau, unsigned log_size,
                                              const std::filesystem::path& out,
                                              const World& world = World::system());

/// Whether a file begins as an SRS or as a verifier's part of this room does. Errors: kIo.
[[nodiscard]] Result<bool> is_kzg_file(const std::filesystem::path& path);

/// Looks for a secret that everybody knows: of absolute value to 2^20 and, where the label does not say dev,
/// that of a dev SRS of a seed below 1,024. Takes some 30 ms. Step: "verifier key" (also one that is
/// not canonical).
[[nodiscard]] Verdict check_key(const VerifierKey& key);

/// Shows with pairings and random weights that an SRS is well formed. Steps: "verifier key", "points" (on the
/// curve, none at infinity), "basis digests", "random weights" (inconclusive), "generator sum", "degree
/// relation", "powers". It cannot show that nobody knows tau.
[[nodiscard]] Verdict verify_srs(const Srs& srs, const World& world = World::system());

/// Checks the chunks that hold the points [first, first + count) against a key that the caller trusts. Steps:
/// "size", "basis digests".
[[nodiscard]] Verdict check_points_of(const Srs& srs, const VerifierKey& trusted, std::uint64_t first,
                                      std::uint64_t count);

/// C = sum_i values[i] L_i. Values that are not given are zeros. Errors: kMismatch (more than srs.size()).
[[nodiscard]] Result<G1Affine> commit(const Srs& srs, IntegerView values);

/// The field element that stands for an index: value i is the polynomial's at it. index < 2^log_size.
[[nodiscard]] Fr node_of(unsigned log_size, std::uint64_t index);

/// p(z), and [(p - p(z)) / (X - z)]_1.
struct Opening {
  Fr value;
  G1Affine quotient;
};

/// Opens at an index. Errors: kMismatch (too many values), kOutOfRange (the index), kTooLarge (memory).
[[nodiscard]] Result<Opening> open(const Srs& srs, IntegerView values, std::uint64_t index);

/// Opens at any element of Fr; at a node it gives what open() gives. Errors: kMismatch, kTooLarge.
[[nodiscard]] Result<Opening> open_at(const Srs& srs, IntegerView values, const Fr& point);

/// Opens the aligned block of the indices [block * 2^log_block, (block + 1) * 2^log_block): one point.
/// Errors: as open().
[[nodiscard]] Result<G1Affine> open_block(const Srs& srs, IntegerView values, unsigned log_block,
                                          std::uint64_t block);

/// What open_block gives for some blocks of one size, any of them, in less time: what does not depend on the
/// block is computed once. Errors: as open().
[[nodiscard]] Result<std::vector<G1Affine>> open_blocks(const Srs& srs, IntegerView values,
                                                        unsigned log_block,
                                                        std::span<const std::uint64_t> blocks);

/// What open_block gives for every block, by the method of Feist and Khovratovich (2023) in the Lagrange
/// basis: two transforms over as many points as there are blocks, and one multi-scalar multiplication of each
/// block's size. Errors: as open().
[[nodiscard]] Result<std::vector<G1Affine>> open_all_blocks(const Srs& srs, IntegerView values,
                                                            unsigned log_block);

/// A vector of the prover, with what names its commitment: SHA-256 over its header and bytes, say.
struct Vector {
  Digest name;
  G1Affine commitment;
  IntegerView values;
};

/// "What is the polynomial of vector `vector` at `point`?"
struct Question {
  std::size_t vector;
  Fr point;
};

/// Openings of any vectors at any points, in 64 bytes.
struct ManyProof {
  G1Affine difference;  ///< D
  G1Affine quotient;

  [[nodiscard]] std::array<std::uint8_t, 64> encode() const;
  /// Errors: kMalformed, kNonCanonical.
  static Result<ManyProof> decode(ByteSpan bytes64, std::string_view place);
  friend bool operator==(const ManyProof&, const ManyProof&) = default;
};

struct ManyOpening {
  std::vector<Fr> values;  ///< the answers, in the order of the questions
  ManyProof proof;
};

/// Answers all questions by one proof. Points that are nodes cost nothing each; every other one costs an
/// inversion for each value. Errors: kMismatch (too many values, no questions), kOutOfRange (a vector),
/// kTooLarge (memory).
[[nodiscard]] Result<ManyOpening> open_many(const Srs& srs, std::span<const Vector> vectors,
                                            std::span<const Question> questions);

/// A statement "the polynomial under `commitment` is opening.value at `point`".
struct Statement {
  G1Affine commitment;
  Fr point;
  Opening opening;
};

/// A statement "`values` are the block `block` of 2^log_block values of the vector under `commitment`".
struct BlockStatement {
  G1Affine commitment;
  unsigned log_block;
  std::uint64_t block;
  IntegerView values;
  G1Affine quotient;
};

/// One of the statements that a ManyProof is about.
struct Claim {
  Digest name;
  G1Affine commitment;
  Fr point;
  Fr value;
};

/// Checks statements under one verifier key, with the Miller lines of its points prepared.
class Verifier {
 public:
  /// `key` comes from decode() or from an Srs.
  explicit Verifier(VerifierKey key);
  [[nodiscard]] const VerifierKey& key() const { return key_; }
  /// That of the key.
  [[nodiscard]] const Digest& digest() const { return digest_; }
  /// How the verifier may speak of an SRS, as pst::Verifier does.
  [[nodiscard]] std::string describe_srs(const setup::TrustList& trusted) const;

  /// e(C - yG + z pi, [1]_2) = e(pi, [tau]_2). Steps: "proof points", "opening equation".
  [[nodiscard]] Verdict check(const Statement& statement) const;

  /// e(C - C_B + h^k pi, [1]_2) = e(pi, [tau^k]_2), with C_B made here, from the values and from points of
  /// `srs` that are compared with the key. Steps: "proof shape", "proof points", those of check_points_of,
  /// "opening equation".
  [[nodiscard]] Verdict check_block(const Srs& srs, const BlockStatement& statement) const;

  /// All claims by one proof: two pairings. Steps: "statements" (inconclusive: there are none), "proof
  /// points", "challenges", "opening equation".
  [[nodiscard]] Verdict check_many(std::span<const Claim> claims, const ManyProof& proof) const;

  /// All statements at once, two pairings, by random weights of 128 bits from `world`. A rejection's item is
  /// the first bad statement. Steps: "statements" (inconclusive: there are none), "random weights"
  /// (inconclusive: the world gives none), and those of check().
  [[nodiscard]] Verdict check_all(std::span<const Statement> statements,
                                  const World& world = World::system()) const;

 private:
  friend class OpeningSum;
  VerifierKey key_;
  Digest digest_;
  std::vector<curve::PreparedG2> prepared_;  // -[1]_2, then the powers
};

/// The equations of statements of any kind under one key, each times random weights of 128 bits, to be
/// checked together by a pairing for each power that occurs, and one.
class OpeningSum {
 public:
  /// `verifier` outlives the sum. Errors: those of world.fill_random.
  static Result<OpeningSum> begin(const Verifier& verifier, const World& world = World::system());
  OpeningSum(OpeningSum&&) noexcept;
  OpeningSum& operator=(OpeningSum&&) noexcept;
  ~OpeningSum();

  /// Adds an opening. Step: "proof points".
  [[nodiscard]] Verdict add(const Statement& statement);

  /// Adds blocks as one statement, or none of them where one has not the form. Steps: those of
  /// Verifier::check_block but "opening equation".
  [[nodiscard]] Verdict add(const Srs& srs, std::span<const BlockStatement> blocks);

  /// Adds what one ManyProof is about as one statement. Steps: those of Verifier::check_many but "opening
  /// equation".
  [[nodiscard]] Verdict add(std::span<const Claim> claims, const ManyProof& proof);

  /// Sums up what was added, and forgets the statements.
  void fold();

  /// Adds all that the other one has folded.
  void merge(const OpeningSum& other);

  /// Whether the equations of all that were added hold.
  [[nodiscard]] bool holds() const;

  /// Which of the statements that were added since the last fold do not hold by themselves, ascending, `most`
  /// at most: halves are asked, and halves of those that do not hold.
  [[nodiscard]] std::vector<std::size_t> find_false(std::size_t most) const;

 private:
  struct State;
  explicit OpeningSum(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace assay::kzg
