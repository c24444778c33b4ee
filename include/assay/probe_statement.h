// The statement that is signed about readings, and its verification level by level.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/probe.h"
#include "assay/probe_causal.h"
#include "assay/probe_rows.h"
#include "assay/probe_set.h"
#include "assay/probe_training.h"
#include "assay/profile.h"
#include "assay/verdict.h"

namespace assay::probe {

/// The token position of a reading of the mean over all rows.
inline constexpr std::uint32_t kMeanPosition = UINT32_MAX;

/// What a statement says of one probe.
struct StatedProbe {
  std::string name;
  Digest reader{};  ///< Probe::digest()
  double platt_scale = 1;
  double platt_shift = 0;
  std::array<std::uint32_t, 3> examples{};
  double auroc = 0;
  double auroc_low = 0;
  double auroc_high = 0;
  double ece = 0;
  double brier = 0;
  friend bool operator==(const StatedProbe&, const StatedProbe&) = default;
};

/// The payload. docs/probe.md, Files of ours.
struct Statement {
  static constexpr std::string_view kPayloadType = "application/vnd.assay.probe.statement";
  static constexpr std::size_t kMaxReadings = 65536;

  std::string model_id;
  Precision precision = Precision::kFp32;
  std::optional<Digest> weights_root;
  std::optional<Digest> tokenizer;
  std::optional<Digest> chat_template;
  std::optional<Digest> tokens;
  Digest activations{};
  Digest unembedding{};
  GeometryOptions geometry;
  Digest probe_set{};
  std::uint32_t layer = 0;
  std::string position_rule = "unknown";
  std::string row_rule = "all";
  std::optional<Digest> rows;
  std::vector<StatedProbe> probes;
  Digest corpus{};
  std::uint64_t split_seed = 0;
  std::optional<Digest> evaluation;
  std::optional<Digest> causal;
  std::vector<std::uint32_t> positions;  ///< of each reading's row
  std::vector<double> readings;          ///< row by row
  std::string engine;
  std::optional<Digest> nonce;
  std::uint64_t issued_at = 0;  ///< seconds since 1970
  std::uint64_t expires_at = 0;
  std::optional<Digest> previous;
  Digest key_id{};

  /// Errors: kOutOfRange, kMismatch, kTooLarge, kMalformed, with the field.
  [[nodiscard]] Status validate() const;
  [[nodiscard]] Bytes encode() const;
  /// Errors: those of validate(); kMalformed, kNonCanonical, kUnsupported.
  [[nodiscard]] static Result<Statement> decode(ByteSpan bytes, std::string_view place);
  friend bool operator==(const Statement&, const Statement&) = default;
};

/// Which rows of a layer are read, from the text of a rule: "all", "mean", or numbers of rows with commas
/// between, ascending. Errors: kMalformed, kOutOfRange.
[[nodiscard]] Result<std::vector<std::uint32_t>> rows_of_rule(std::string_view rule, std::size_t count);

struct AttestOptions {
  std::string row_rule = "all";
  std::string engine;
  std::optional<Digest> nonce;
  std::uint64_t issued_at = 0;
  std::uint64_t lifetime = 86400;  ///< seconds
  std::optional<Digest> previous;
  std::optional<Digest> evaluation;
  std::optional<Digest> causal;
  std::optional<Digest> weights_root;  ///< where no file of rows says it
};

/// The statement about these rows, its key id not yet set, and what it leaves unbound. `rows` and `tokens`
/// may be null. Errors: kMismatch (model, precision, layer, width; a set that the original made), those of
/// read_rows.
struct Attested {
  Statement statement;
  std::vector<std::string> notes;
};
[[nodiscard]] Result<Attested> attest(const Activations& activations, const ProbeSet& set,
                                      const Digest& set_digest, const RowsFile* rows,
                                      const std::optional<Digest>& rows_digest, const TokensFile* tokens,
                                      const AttestOptions& options);

/// The rows that a statement read, one behind the other, from activations of the same texts; of the mean the
/// f32 nearest to it. Errors: kMismatch (no such layer or rows).
[[nodiscard]] Result<std::vector<float>> rows_of_statement(const Statement& statement,
                                                           const Activations& activations);

/// The same from what a verifier recomputed, for Evidence::own_rows: activations of the statement's model and
/// positions; of a mean, which states one position for all, of those of `theirs`, unless that is null.
/// Errors: kMismatch, with `place`.
[[nodiscard]] Result<std::vector<float>> own_rows_of_statement(const Statement& statement,
                                                               const Activations& own,
                                                               const Activations* theirs,
                                                               std::string_view place);

/// The envelope of a statement, signed by the key in a file: PEM, or the 32 bytes that the original has. The
/// statement gets the key's id. Errors: those of validate(), of reading the key; kMalformed (a key of another
/// length).
[[nodiscard]] Result<std::string> sign(Statement statement, const std::filesystem::path& key);

/// The public key in a file, PEM or 32 bytes. Errors: kIo, kMalformed, kNonCanonical.
[[nodiscard]] Result<std::array<std::uint8_t, 32>> read_public_key(const std::filesystem::path& path);

/// The text of an envelope in a file. Errors: kIo, kTooLarge.
[[nodiscard]] Result<std::string> read_envelope(const std::filesystem::path& path);

/// SHA-256 of the payload: what the next statement names as the one before. Errors: as verify.
[[nodiscard]] Result<Digest> payload_digest(std::string_view envelope, std::string_view place);

/// The statement in an envelope, whoever signed it. Errors: as verify, and those of Statement::decode.
[[nodiscard]] Result<Statement> open_statement(std::string_view envelope, std::string_view place);

/// How far a verifier's own rows may be from those that were read.
struct Profile : profile::Measurement {
  static constexpr std::size_t kMaxBytes = 65536;  ///< of its file
  static constexpr double kMaxError = 0.25;

  double row_error = 0;      ///< |h - h'| / |h'|, h' the verifier's own
  double reading_error = 0;  ///< |r - r'| over the standard deviation of the reading

  [[nodiscard]] Status validate() const;
  [[nodiscard]] std::string to_json() const;
  [[nodiscard]] static Result<Profile> from_json(std::string_view text, std::string_view place);
  [[nodiscard]] static Result<Profile> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  friend bool operator==(const Profile&, const Profile&) = default;
};

/// How far two sets of rows are apart: the largest row error and, over all probes, the largest reading error.
struct RowDistance {
  double row_error = 0;
  std::size_t row = 0;
  double reading_error = 0;
  std::size_t reading_row = 0;
  bool same_bits = true;
};
/// Errors: kMismatch (sizes), those of read_rows.
[[nodiscard]] Result<RowDistance> compare_rows(std::span<const float> own, std::span<const float> theirs,
                                               std::uint32_t width, std::span<const Probe> probes);

enum class Level : std::uint8_t { kForm, kSignature, kBindings, kReadings, kActivations, kStatistics };
/// "L0" to "L5".
[[nodiscard]] std::string_view to_string(Level level);
[[nodiscard]] std::optional<Level> level_from(std::string_view name);

/// A corpus that a probe's figures are recomputed from.
struct Corpus {
  Activations activations;
  std::vector<bool> labels;
  Digest labels_digest{};
  std::optional<RowsFile> rows;
  std::optional<Digest> rows_digest;
};

/// The file of rows that lies beside a .gotact: STEM.rows; empty where there is none.
[[nodiscard]] std::filesystem::path rows_beside(const std::filesystem::path& activations);

/// Activations, labels and, where a path is given, the file of rows. Errors: those of their readers.
[[nodiscard]] Result<Corpus> read_corpus(const std::filesystem::path& activations,
                                         const std::filesystem::path& labels,
                                         const std::filesystem::path& rows);

/// SHA-256 of a file. A longer one than its kind may be is not read. Errors: kIo, kTooLarge.
[[nodiscard]] Result<Digest> file_digest(const std::filesystem::path& path, std::uint64_t max_bytes);

/// What a verifier found when its own model measured a random share of the causal results again.
struct Remeasured {
  std::uint64_t numbers = 0;
  double difference = 0;  ///< the largest, in nats
  double tolerance = 0;   ///< that the verifier allows
};

/// What a verifier has to hold a statement against. What is empty was not given.
struct Evidence {
  std::array<std::uint8_t, 32> key{};  ///< the public key of whoever is to have signed
  std::uint64_t now = 0;
  std::optional<Digest> nonce;     ///< that it asked with
  std::optional<Digest> previous;  ///< digest of the payload of the statement that it expects before
  std::optional<Activations> activations;
  std::optional<ProbeSet> set;
  std::optional<Digest> set_digest;
  std::optional<Unembedding> unembedding;
  std::optional<std::vector<float>> gain;
  std::optional<TokensFile> tokens;
  std::optional<Digest> rows_digest;
  std::optional<Digest> weights_root;
  std::optional<std::vector<float>> own_rows;  ///< recomputed, as own_rows_of_statement() gives them
  std::optional<Profile> profile;
  profile::Conditions conditions;  ///< of its own run
  std::optional<Digest> evaluation_digest;
  std::optional<Corpus> corpus;
  std::optional<CausalResults> causal;
  std::optional<CausalPlan> plan;
  std::optional<Remeasured> remeasured;
};

/// One verdict for each level, as parts "L0" to "L5", and one for all up to `require`. Errors: kMalformed,
/// kNonCanonical (no envelope), and those that the evidence itself gives rise to. Steps: "form", "key",
/// "signature", "not yet valid", "expired", "nonce", "previous statement", "activations", "probe set",
/// "model", "precision", "layer", "probes", "unembedding", "geometry", "tokens", "rows", "weights",
/// "evaluation", "causal results", "positions", "readings", "own rows", "rows differ", "readings differ",
/// "profile", "statistics", "chance", "remeasured", "causal effect", "direction", "side effect".
[[nodiscard]] Result<Verdict> verify(std::string_view envelope, std::string_view place,
                                     const Evidence& evidence, Level require);

}  // namespace assay::probe
