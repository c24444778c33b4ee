// The prover's side: rows are handed over as the model computes them, and hashed beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "assay/audit_log.h"
#include "assay/base.h"

namespace assay::audit {

/// What a run is about.
struct RunOptions {
  Digest request{};    ///< see request_digest()
  Digest nonce{};      ///< the verifier's; zeros where there is none
  Digest manifest{};   ///< root of the weights' manifest
  std::string engine;  ///< how the model is run: one line of UTF-8, at most Head::kMaxEngine bytes
};

/// Which rows of a block belong to which run: `rows` of them from `first_row` on are those of neighbouring
/// positions from `first_position` on. The last of a span is the one that a token comes of.
struct Span {
  std::uint64_t run = 0;
  std::uint64_t first_row = 0;
  std::uint64_t rows = 0;
  std::uint64_t first_position = 0;
};

/// What a recorder did since it was opened.
struct RecorderStatistics {
  std::uint64_t rows = 0;          ///< kept
  std::uint64_t bytes = 0;         ///< of the rows that were kept
  std::uint64_t drops = 0;         ///< rows that found no room, or could not be placed
  std::uint64_t steps = 0;         ///< that are in a tree
  std::uint64_t most_memory = 0;   ///< bytes of rows that waited at once
  double longest_lag_seconds = 0;  ///< from the end of a step to its leaf
  double hashing_seconds = 0;      ///< of the thread's processor time, writing included
  std::string problem;             ///< the first that led to drops, "" where none did
};

/// Copies rows into a bounded ring and hashes them on a thread of its own; from there they go to the disk,
/// where they wait to be opened. A call never blocks on the disk or on hashing and never fails: a row that
/// finds no room is a drop, and is counted. One recorder may be fed by several threads, and hold several
/// runs at once. In a process that was forked off it takes nothing.
class Recorder {
 public:
  struct Options {
    std::filesystem::path folder;  ///< each run gets a folder in it, named by its id in hexadecimal
    std::uint64_t memory_bytes = std::uint64_t{256} << 20;
    std::uint64_t disk_bytes = std::uint64_t{16} << 30;
    /// Whether prompt tokens keep all wires; else residual, K and V, and all of those of the last.
    bool all_prompt_rows = false;
  };

  /// Makes the folder where it is not there. Errors: kIo, kTooLarge (no memory for the ring).
  [[nodiscard]] static Result<std::unique_ptr<Recorder>> open(const Options& options);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  /// Waits for the thread, and removes what was recorded of runs that were not finished.
  ~Recorder();

  /// A new run, with a folder and an id of its own. Errors: kIo, kOutOfRange (engine),
  /// kUnsupported (in a process forked off).
  [[nodiscard]] Result<std::uint64_t> begin_run(const RunOptions& options);

  /// Hands over the rows of a wire: `count` of `row_bytes` bytes each, one behind the other. Of a span of
  /// several rows on a wire of which prompt tokens are not kept, the last is taken. Rows are read before the
  /// call returns.
  void record(const Wire& wire, RowDtype dtype, const std::uint8_t* rows, std::uint64_t count,
              std::uint64_t row_bytes, std::span<const Span> spans) noexcept;

  /// All rows of a step of a run were handed over, and `token` came of it.
  void finish_step(std::uint64_t run, std::uint32_t token) noexcept;

  /// The run will not be finished: removes its folder, and what it took of `disk_bytes` is free again.
  /// Nothing happens where there is no such run.
  void drop_run(std::uint64_t run) noexcept;

  /// Waits until all rows of the run are hashed and on the disk, signs its head and writes it beside them. A
  /// run that gets no head is removed, but where the key is what cannot be read.
  /// Errors: kIo, kOutOfRange (no such run, one without steps), kUnsupported (in a process forked off).
  [[nodiscard]] Result<Head> finish_run(std::uint64_t run, const std::filesystem::path& signing_key);

  /// The folder of a run. Errors: kOutOfRange (no such run).
  [[nodiscard]] Result<std::filesystem::path> folder_of(std::uint64_t run) const;

  [[nodiscard]] RecorderStatistics statistics() const;

 private:
  class State;
  explicit Recorder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// What a recorder left of a run: the provider's folder.
class RunFolder {
 public:
  static constexpr const char* kHeadName = "head";    ///< the signed head, as a DSSE envelope
  static constexpr const char* kStepsName = "steps";  ///< the steps' leaves, and where their rows lie
  static constexpr const char* kRowsName = "rows";    ///< the rows, header and bytes

  /// Maps the files. Errors: kIo, kMalformed, kMismatch (steps and head).
  [[nodiscard]] static Result<RunFolder> open(const std::filesystem::path& path);

  [[nodiscard]] const Head& head() const { return head_; }
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
  /// Header and bytes of the row of a leaf. Errors: kMalformed where the file does not have it.
  [[nodiscard]] Result<Bytes> row(std::uint64_t step, std::uint64_t leaf) const;

 private:
  RunFolder() = default;

  std::filesystem::path path_;
  Head head_;
  std::vector<Step> steps_;
  std::vector<std::uint64_t> offsets_;       // of the rows of all steps
  std::vector<std::uint64_t> first_offset_;  // per step, in offsets_
  ByteSpan rows_;
  std::shared_ptr<const void> owner_;
};

}  // namespace assay::audit
