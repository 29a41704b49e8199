import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;

/** Launcher HOME [SETTING VALUE]... runs one OpenSearch 3.8 node with its state under HOME until standard input ends. */
public final class Launcher extends Node {
    private static final List<String> MODULES = List.of(
        "org.opensearch.transport.Netty4ModulePlugin",
        "org.opensearch.analysis.common.CommonAnalysisModulePlugin",
        "org.opensearch.painless.PainlessModulePlugin",
        "org.opensearch.script.mustache.MustacheModulePlugin",
        "org.opensearch.script.expression.ExpressionModulePlugin",
        "org.opensearch.index.mapper.MapperExtrasModulePlugin",
        "org.opensearch.index.reindex.ReindexModulePlugin",
        "org.opensearch.index.rankeval.RankEvalModulePlugin",
        "org.opensearch.percolator.PercolatorModulePlugin",
        "org.opensearch.join.ParentJoinModulePlugin",
        "org.opensearch.search.aggregations.matrix.MatrixAggregationModulePlugin",
        "org.opensearch.geo.GeoModulePlugin",
        "org.opensearch.ingest.common.IngestCommonModulePlugin");

    private Launcher(Environment environment, List<PluginInfo> modules) {
        super(environment, modules, true);
    }

    public static void main(String[] args) {
        // Not a daemon: a node has no thread of its own that keeps the process alive.
        Thread parent = new Thread(Launcher::exitWithParent, "parent");
        parent.start();
        try {
            Node node = node(Path.of(args[0]).toAbsolutePath(), args);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
            node.start();
        } catch (Throwable failure) {
            failure.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private static Node node(Path home, String[] args) throws Exception {
        Settings.Builder settings = Settings.builder().put("path.home", home.toString());
        for (int i = 1; i + 1 < args.length; i += 2) {
            settings.put(args[i], args[i + 1]);
        }
        Path config = Files.createDirectories(home.resolve("config"));
        Environment environment =
            InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), config, () -> "resift");
        List<PluginInfo> modules = new ArrayList<>();
        for (String name : MODULES) {
            modules.add(new PluginInfo(name, "from the class path", "NA", Version.CURRENT, "21", name, null, List.of(), false));
        }
        return new Launcher(environment, modules);
    }

    private static void close(Node node) {
        try {
            node.close();
        } catch (IOException failure) {
            failure.printStackTrace();
        }
    }

    /** Ends this engine with the process that started it, which holds the other end of standard input. */
    private static void exitWithParent() {
        try {
            while (System.in.read() >= 0) { }
        } catch (IOException gone) {
        }
        System.exit(0);
    }
}
