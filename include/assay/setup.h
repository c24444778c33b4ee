// What an SRS is worth: labels, the verifier's own list, and the ceremony in which several parties make the
// secrets of a tensor SRS.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/curve.h"
#include "assay/integers.h"
#include "assay/world.h"

namespace assay::setup {

/// Who is said to have made the secrets of an SRS. A label is a claim, not evidence.
enum class Trust : std::uint8_t {
  kDev = 1,       ///< derived from a public seed: binds nobody who knows the seed
  kCeremony = 3,  ///< parties are said to have contributed to a ceremony
};

/// "dev" or "ceremony".
[[nodiscard]] std::string_view to_string(Trust trust);

/// The SRS digests that a verifier trusts, for reasons that no file can give it: a text of lines "<64 hex
/// digits> <label>"; lines that are empty or start with '#' are kept and mean nothing. The label is the
/// verifier's own; nothing is decided by it.
class TrustList {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

  /// Errors: kMalformed (a line that is neither; no line break at the end), kTooLarge.
  static Result<TrustList> parse(std::string_view text, std::string_view place);
  static Result<TrustList> read(const std::filesystem::path& path);  ///< a missing file is an empty list
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
  [[nodiscard]] std::string to_text() const;

  struct Entry {
    Digest digest;
    std::string label;
  };
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  /// Null where the digest is not there.
  [[nodiscard]] const Entry* find(const Digest& digest) const;

  /// A digest that is there already gets the label. Errors: kMalformed (a label that is not 1 to 64 printable
  /// ASCII characters), kOutOfRange (a digest of zeros).
  [[nodiscard]] Status add(const Digest& digest, std::string_view label);
  /// Whether the digest was there.
  bool remove(const Digest& digest);

 private:
  std::vector<std::string> lines_;
  std::vector<Entry> entries_;
};

/// What a verdict says that it rests on: how the verifier's list has an SRS, `ours`, which is null where it
/// has none, and what the file says of itself and that would mean.
[[nodiscard]] std::string describe_srs(const TrustList::Entry* ours, std::string_view label,
                                       std::string_view meaning);

/// A public value, and how often it is hashed before secrets come from it: 2^log2_iterations times, one after
/// the other.
struct Beacon {
  static constexpr std::size_t kMaxBytes = 256;
  static constexpr std::uint32_t kLeastLog2 = 10, kMostLog2 = 24;

  Bytes value;
  std::uint32_t log2_iterations = kLeastLog2;

  friend bool operator==(const Beacon&, const Beacon&) = default;
};

/// What one contributor did: for every axis i the secret t_i became s_i t_i.
struct Contribution {
  static constexpr std::size_t kMaxNameBytes = 64;

  std::string name;                   ///< 1 to kMaxNameBytes printable ASCII characters
  std::vector<G2Affine> secrets;      ///< [t_i]_2 from here on, one per axis
  std::vector<G2Affine> commitments;  ///< k_i times the point before; none of a beacon
  std::vector<Fr> responses;          ///< k_i + c_i s_i; none of a beacon
  std::optional<Beacon> beacon = {};  ///< of a contribution that anybody can recompute

  friend bool operator==(const Contribution&, const Contribution&) = default;
};

/// The transcript of a ceremony: everything that it takes to check the chain of secrets. docs/setup.md has
/// the bytes.
struct Ceremony {
  static constexpr std::uint32_t kMaxContributions = 1024;
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{8} << 20;

  Axes axes;     ///< t_i has the powers 0 .. axes[i] - 1
  Digest nonce;  ///< random, so that no contribution to one ceremony fits another
  std::vector<Contribution> contributions = {};

  [[nodiscard]] Bytes encode() const;

  /// Checks everything that can be told from the bytes alone: canonical, points in the subgroup. Infinity is
  /// read: check_ceremony rejects it. Errors: kMalformed, kNonCanonical, kOutOfRange (axes, a
  /// beacon), kTooLarge, kUnsupported (version).
  static Result<Ceremony> decode(ByteSpan bytes, std::string_view place);

  /// The transcript out of a file of its own or out of a powers file, told apart by content. Errors: kIo,
  /// kTooLarge, those of decode() and Powers::open.
  static Result<Ceremony> read(const std::filesystem::path& path);

  /// The file is complete under `path` or not there. Errors: kIo.
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  /// What names the ceremony before the first contribution and after each: the last one names the transcript.
  [[nodiscard]] std::vector<Digest> digests() const;
  [[nodiscard]] Digest digest() const { return digests().back(); }

  /// [t_i]_2 after the last contribution; before the first, every t_i is 1.
  [[nodiscard]] std::vector<G2Affine> secrets() const;

  /// Contributions of secrets that somebody drew: all but beacons.
  [[nodiscard]] std::uint32_t contributors() const;

  friend bool operator==(const Ceremony&, const Ceremony&) = default;
};

/// Checks the chain of contributions. Steps: "beacon order" (a contribution follows a beacon),
/// "contribution points" (s_i is 0 or 1), "contribution proof" (of another place, of another ceremony, or
/// none), "beacon" (it does not recompute). The item is the contribution, counted from 0; a figure names the
/// axis. A chain without contributions is accepted: see check_contributors.
[[nodiscard]] Verdict check_ceremony(const Ceremony& ceremony);

/// Whether anybody contributed. Steps: "contributors" (none did, and so everybody knows the secrets).
[[nodiscard]] Verdict check_contributors(const Ceremony& ceremony);

/// The powers prod t_i^(a_i) in G1, a in C order over the exponents below the axes, and the transcript that
/// led to them, mapped from a file. Copies share the mapping.
class Powers {
 public:
  /// Maps a powers file: transcript, padding and size are checked, the points are not (see check_powers). The
  /// file must not be changed in place while it is mapped. Errors: kIo, kMalformed, kNonCanonical, those of
  /// Ceremony::decode.
  static Result<Powers> open(const std::filesystem::path& path);

  [[nodiscard]] const Ceremony& ceremony() const;
  [[nodiscard]] const Axes& axes() const { return ceremony().axes; }
  [[nodiscard]] std::span<const G1Affine> points() const;

 private:
  struct State;
  explicit Powers(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// Checks transcript and points, so that what follows builds on powers of the secrets that the transcript
/// ends with. Steps: those of check_ceremony(), "points" (off the curve), "random weights" (inconclusive),
/// "first power" (not the generator), "power relation" (a figure says of which axis).
[[nodiscard]] Verdict check_powers(const Powers& powers, const World& world = World::system());

/// Begins a ceremony: every secret is 1. The file is complete under `path` or not there. Errors: kIo.
[[nodiscard]] Result<Ceremony> start(const Axes& axes, const std::filesystem::path& path,
                                     const World& world = World::system());

/// What became of a contribution: nothing is written unless the powers before it were accepted.
struct Contributed {
  Verdict before;                    ///< of check_powers
  std::optional<Ceremony> ceremony;  ///< with the contribution
};

/// Draws secrets, multiplies every power and writes the new powers file, block by block: 64 bytes for each
/// power pass through memory once. The secrets come from world.fill_random and, beside it, from `entropy`,
/// which may be empty; they are wiped and are nowhere on the disk, so nothing can be resumed. Arithmetic is
/// variable time. Errors: kIo, kMalformed (the name), kTooLarge (kMaxContributions), kMismatch (a beacon has
/// ended the ceremony).
[[nodiscard]] Result<Contributed> contribute(const Powers& powers, std::string_view name, ByteSpan entropy,
                                             const std::filesystem::path& path,
                                             const World& world = World::system());

/// The contribution that ends a ceremony: its secrets come from a value that nobody could know before, and
/// everybody can recompute them. Errors: as contribute(), kOutOfRange (the beacon).
[[nodiscard]] Result<Contributed> apply_beacon(const Powers& powers, std::string_view name,
                                               const Beacon& beacon, const std::filesystem::path& path,
                                               const World& world = World::system());

}  // namespace assay::setup
