// The workbook: how the sweep has been doing, charts first. From the app's receipts and the workspace's incidents.

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('The workspace with the app\'s receipts.')
param logWorkspaceId string

@description('The workspace among whose workbooks it is listed.')
param home string

@description('The Sentinel workspace, with the incidents.')
param sentinelWorkspaceResourceId string

var receipts = loadTextContent('../queries/receipts.kql')
var outcomesQuery = loadTextContent('../queries/workbook-outcomes.kql')
var findingsQuery = loadTextContent('../queries/workbook-findings.kql')
var actionsQuery = loadTextContent('../queries/workbook-actions.kql')
var openByAge = loadTextContent('../queries/workbook-open-by-age.kql')
var dataSeen = loadTextContent('../queries/workbook-data.kql')
var leftDue = loadTextContent('../queries/workbook-due.kql')
var openNow = loadTextContent('../queries/workbook-open.kql')
var sweepsQuery = loadTextContent('../queries/workbook-sweeps.kql')

// Each panel: its query, the workspace it asks, how it is drawn. Widths are percents of the page.
var panels = [
  {
    name: 'outcomes'
    title: 'How sweeps ended'
    query: '${receipts}${outcomesQuery}'
    workspaceId: logWorkspaceId
    visualization: 'barchart'
    width: '50'
  }
  {
    name: 'findings'
    title: 'Flagged recipients, and what became of them'
    query: '${receipts}${findingsQuery}'
    workspaceId: logWorkspaceId
    visualization: 'linechart'
    width: '50'
  }
  {
    name: 'actions'
    title: 'Remediated rows in the window, by action'
    query: '${receipts}${actionsQuery}'
    workspaceId: logWorkspaceId
    visualization: 'barchart'
    width: '50'
  }
  {
    name: 'open-by-age'
    title: 'Open incidents, by age'
    query: openByAge
    workspaceId: sentinelWorkspaceResourceId
    visualization: 'categoricalbar'
    width: '50'
  }
  {
    name: 'data'
    title: 'The data under the verdicts'
    query: '${receipts}${dataSeen}'
    workspaceId: logWorkspaceId
    visualization: 'linechart'
    width: '50'
  }
  {
    name: 'due'
    title: 'What was left for the next sweep'
    query: '${receipts}${leftDue}'
    workspaceId: logWorkspaceId
    visualization: 'barchart'
    width: '50'
  }
  {
    name: 'open'
    title: 'Open incidents, the oldest first'
    query: openNow
    workspaceId: sentinelWorkspaceResourceId
    visualization: 'table'
    width: '100'
  }
  {
    name: 'sweeps'
    title: 'The newest sweeps'
    query: '${receipts}${sweepsQuery}'
    workspaceId: logWorkspaceId
    visualization: 'table'
    width: '100'
  }
]

var timeRange = {
  type: 9
  name: 'parameters'
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    parameters: [
      {
        id: guid('sweep-time-range')
        version: 'KqlParameterItem/1.0'
        name: 'TimeRange'
        label: 'Time range'
        type: 4
        isRequired: true
        value: {
          durationMs: 2592000000
        }
        typeSettings: {
          selectableValues: [
            {
              durationMs: 604800000
            }
            {
              durationMs: 2592000000
            }
            {
              durationMs: 7776000000
            }
          ]
        }
      }
    ]
  }
}

var items = [for panel in panels: {
  type: 3
  name: panel.name
  customWidth: panel.width
  content: {
    version: 'KqlItem/1.0'
    title: panel.title
    query: panel.query
    size: 0
    queryType: 0
    resourceType: 'microsoft.operationalinsights/workspaces'
    crossComponentResources: [
      panel.workspaceId
    ]
    timeContextFromParameter: 'TimeRange'
    visualization: panel.visualization
    // The outcomes' colours; a name that a panel does not draw is not missed.
    chartSettings: {
      seriesLabelSettings: [
        {
          seriesName: 'clean'
          color: 'green'
        }
        {
          seriesName: 'flagged'
          color: 'blue'
        }
        {
          seriesName: 'untrusted'
          color: 'yellow'
        }
        {
          seriesName: 'failed'
          color: 'redBright'
        }
        {
          seriesName: 'settings invalid'
          color: 'redBright'
        }
        {
          seriesName: 'dry run'
          color: 'gray'
        }
      ]
    }
  }
}]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'email-remediation-sweep')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Email remediation sweep'
    category: 'sentinel'
    sourceId: home
    version: '1.0'
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([
        timeRange
      ], items)
      fallbackResourceIds: [
        sentinelWorkspaceResourceId
      ]
    })
  }
}

output id string = workbook.id
