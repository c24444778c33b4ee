// One run on its way to the disk: rows with their digests come in, steps and the head come of them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "assay/audit_recorder.h"
#include "assay/merkle.h"
#include "base/append_file.h"
#include "base/signature.h"

namespace assay::audit::internal {

/// What the file of steps begins with: for each step LE32 length and its value, then LE64 for each leaf where
/// its row lies among the rows.
inline constexpr std::string_view kStepsTag = "assay/audit/steps/v";
inline constexpr std::uint32_t kStepsVersion = 1;

class RunWriter {
 public:
  /// Stands for the offset of a row that is not there.
  static constexpr std::uint64_t kNowhere = ~std::uint64_t{0};

  /// Makes the folder and its files. Errors: kIo.
  [[nodiscard]] static Result<RunWriter> create(const std::filesystem::path& folder,
                                                const RunOptions& options, const Digest& id);

  /// Appends rows, header and bytes each; gives where the first lies. Errors: kIo.
  [[nodiscard]] Result<std::uint64_t> append_rows(ByteSpan rows);

  /// A row of the step under way: the leaf hash, and where it lies. `header` is that of the row as it was
  /// handed over, also where it was dropped: then `offset` is kNowhere.
  void add_row(const RowHeader& header, const Digest& leaf, std::uint64_t offset);

  /// Makes the tree of the step and appends its leaf to the log. Errors: kIo, kOutOfRange (a step without
  /// rows), kTooLarge.
  [[nodiscard]] Status finish_step(std::uint32_t token);

  /// Signs the head and writes it. Errors: kIo, kOutOfRange (no step).
  [[nodiscard]] Result<Head> finish(const SigningKey& key);

  /// Removes the folder, as far as the system lets it; nothing but is_discarded() is to be called afterwards.
  void discard() noexcept;
  [[nodiscard]] bool is_discarded() const { return discarded_; }

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  /// Bytes of the rows on the disk.
  [[nodiscard]] std::uint64_t size() const { return rows_end_; }
  /// Rows of finished steps that are not there.
  [[nodiscard]] std::uint64_t drops() const { return head_.drops; }
  /// The first reason for a drop, "" where there is none.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  struct Row {
    RowHeader header;
    Digest leaf;
    std::uint64_t offset;
  };
  struct Leaves;

  RunWriter(std::filesystem::path folder, AppendFile rows, AppendFile steps, merkle::RootBuilder root)
      : folder_(std::move(folder)),
        rows_(std::move(rows)),
        steps_(std::move(steps)),
        root_(std::move(root)) {}
  void sort_rows();
  void fix_wires();
  [[nodiscard]] Status add_wire(const WireEntry& entry, std::span<const Row> rows, Step& step,
                                Leaves& leaves);
  void note(std::string problem);

  std::filesystem::path folder_;
  AppendFile rows_;
  AppendFile steps_;
  merkle::RootBuilder root_;
  std::uint64_t rows_end_ = 0;
  std::vector<Row> step_rows_;
  Head head_;
  std::string problem_;
  bool discarded_ = false;
};

/// The value of a leaf in place of a row that is not there: a header of no bytes.
[[nodiscard]] std::array<std::uint8_t, RowHeader::kBytes> dropped_row(const Wire& wire,
                                                                      std::uint64_t position);

}  // namespace assay::audit::internal
