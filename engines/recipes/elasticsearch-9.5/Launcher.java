import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/** Launcher HOME [SETTING VALUE]... runs one Elasticsearch 9.5 node with its state under HOME until standard input ends. */
public final class Launcher {
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
        // Elasticsearch looks loggers up through a service that this call installs; the first lookup fails without it.
        System.setProperty("es.path.home", home.toString());
        LogConfigurator.configureESLogging();
        Settings.Builder settings = Settings.builder().put("path.home", home.toString());
        for (int i = 1; i + 1 < args.length; i += 2) {
            settings.put(args[i], args[i + 1]);
        }
        Path config = Files.createDirectories(home.resolve("config"));
        Environment environment =
            InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), config, () -> "resift");
        // The HTTP module is a folder under modules/, as in the distribution: it wants a class loader of its own.
        Path modules = home.resolve("modules");
        Path plugins = Files.createDirectories(home.resolve("plugins"));
        PluginsLoader loader = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(modules, false),
            PluginsLoader.loadPluginsBundles(plugins, false), Map.of(), false);
        return new Node(environment, loader);
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
