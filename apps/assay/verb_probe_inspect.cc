// `assay probe inspect`, `checkpoint` and `drift`.
#include <fmt/format.h>

#include <algorithm>

#include "assay/probe_attestation.h"
#include "assay/probe_geometry.h"
#include "base/file.h"
#include "base/try.h"
#include "probe/kinds.h"
#include "probe_inputs.h"
#include "program.h"
#include "report.h"
#include "show.h"

namespace assay::cli {
namespace {

struct InspectOptions {
  std::string file;
};

struct CheckpointOptions {
  std::string unembedding;
  std::string output;
  bool centred = false;
};

struct DriftOptions {
  std::string reference;
  std::string now;
  std::string probes;
};

Result<int> run_inspect(const InspectOptions& options, const Console& console) {
  return show(options.file, probe::file_kinds(), console);
}

Result<int> run_checkpoint(const CheckpointOptions& options, const Console& console) {
  const probe::Unembedding unembedding = ASSAY_TRY(probe::open_unembedding(options.unembedding));
  probe::Checkpoint checkpoint;
  checkpoint.width = unembedding.width;
  if (options.centred) {
    const probe::Geometry geometry = ASSAY_TRY(probe::geometry_of(unembedding, true, {}));
    for (const double value : geometry.phi) checkpoint.phi.push_back(static_cast<float>(value));
  } else {
    checkpoint.phi = ASSAY_TRY(probe::compat_geometry(unembedding, 0)).phi;
  }
  ASSAY_TRY(checkpoint.write(options.output));
  return console.report(
      {{"out", options.output},
       {"hidden_dim", checkpoint.width},
       {"centred", options.centred},
       {"geometry_hash", to_hex(checkpoint.hash())}},
      {fmt::format("the geometry of {} tokens, {} wide", grouped(unembedding.tokens), checkpoint.width),
       "written to " + options.output});
}

/// Phi of a .gotgeo as it stands, or of a .gotue, centred.
Result<std::vector<double>> phi_of(const std::string& path) {
  std::string head;
  {
    const MappedFile file = ASSAY_TRY(MappedFile::open(path));
    const ByteSpan bytes = file.bytes();
    head.assign(bytes.begin(),
                bytes.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(4, bytes.size())));
  }
  if (head == "GOTG") {
    const probe::Checkpoint checkpoint = ASSAY_TRY(probe::Checkpoint::read(path));
    return std::vector<double>(checkpoint.phi.begin(), checkpoint.phi.end());
  }
  const probe::Unembedding unembedding = ASSAY_TRY(probe::open_unembedding(path));
  return ASSAY_TRY(probe::geometry_of(unembedding, true, {})).phi;
}

Result<int> run_drift(const DriftOptions& options, const Console& console) {
  const std::vector<double> reference = ASSAY_TRY(phi_of(options.reference));
  const std::vector<double> now = ASSAY_TRY(phi_of(options.now));
  const double drift = ASSAY_TRY(probe::drift(now, reference));
  Json json = {{"drift", drift}};
  std::vector<std::string> lines = {fmt::format("drift of the geometry {:.6g}", drift)};
  if (!options.probes.empty()) {
    const HashedSet set = ASSAY_TRY(read_set(options.probes));
    json["probes"] = Json::array();
    for (std::size_t i = 0; i < set.set.probes.size(); ++i) {
      const probe::OriginalProbe& named = set.set.probes[i];
      const std::vector<double> vector =
          set.set.details ? set.set.details->probes[i].vector
                          : std::vector<double>(named.weights.begin(), named.weights.end());
      const double directional = ASSAY_TRY(probe::directional_drift(now, reference, vector));
      json["probes"].push_back({{"dimension", named.dimension}, {"drift", directional}});
      lines.push_back(fmt::format("  along {} {:.6g}", named.dimension, directional));
    }
  }
  lines.emplace_back("tuning that leaves the output layer alone does not show here");
  return console.report(json, lines);
}

}  // namespace

void add_probe_inspect(Program& program) {
  const auto [verb, options] =
      program.add("probe inspect", "Show what a file of probes, rows or readings holds",
                  "assay probe inspect a.gotact", run_inspect);
  add_option(verb, "FILE", options.file, "any of the files of docs/probe.md")->required();
}

void add_probe_checkpoint(Program& program) {
  const auto [verb, options] =
      program.add("probe checkpoint", "Keep the geometry of an output layer, to tell later whether it moved",
                  "assay probe checkpoint --unembedding u.gotue --output then.gotgeo", run_checkpoint);
  add_option(verb, "--unembedding FILE", options.unembedding, "rows of the output layer, a .gotue")
      ->required();
  add_option(verb, "--output FILE", options.output, "the .gotgeo")->required();
  verb->add_flag("--centred", options.centred, "without the mean row, over the number of tokens");
}

void add_probe_drift(Program& program) {
  const auto [verb, options] = program.add("probe drift", "Measure how far one geometry is from another",
                                           "assay probe drift then.gotgeo now.gotgeo", run_drift);
  add_option(verb, "REFERENCE", options.reference, "a .gotgeo, or a .gotue")->required();
  add_option(verb, "FILE", options.now, "the other, likewise")->required();
  add_option(verb, "--probes FILE", options.probes, "measure along the probes of this set, too");
}

}  // namespace assay::cli
